package portal

import "encoding/json"

// marshal is json.Marshal for types that have a MarshalJSON of their own.
func marshal(v any) ([]byte, error) { return json.Marshal(v) }
