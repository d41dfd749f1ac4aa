//go:build !unix

package provisioning

import "time"

var started = time.Now()

// cpuTime is the time that passed, where the processor's is not known.
func cpuTime() time.Duration { return time.Since(started) }
