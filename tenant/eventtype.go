package tenant

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// EventType is what hosts and receivers of webhooks may know of a type of events. The types of this package are
// [EventTypes]; oidc, scim and provisioning have lists of their own, under the same name.
type EventType struct {
	// Type is the event's, stable within a major version; in a host's own list also a beginning that ends in ".*".
	Type string `json:"type"`
	// Description is a sentence for people.
	Description string `json:"description"`
	// Subject is the kind of the record that the event is about.
	Subject string `json:"subject"`
	// Before and After say what these fields of the event hold; empty where there is nothing.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Internal says that the event is the host's own business: webhooks of tenants don't send it.
	Internal bool `json:"internal,omitempty"`
}

// typePattern is a type of events, or a beginning of it that ends in ".*".
var typePattern = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?$`)

const (
	maxTypePatterns = 100
	maxTypePattern  = 128
)

// typeFilter says which types of events somebody wants: all if it is empty.
type typeFilter []string

func newTypeFilter(types []string) (typeFilter, error) {
	if len(types) > maxTypePatterns {
		return nil, fmt.Errorf("expected at most %d types, got %d", maxTypePatterns, len(types))
	}
	for _, t := range types {
		if len(t) > maxTypePattern || !typePattern.MatchString(t) {
			return nil, fmt.Errorf("%q is neither a type of events such as scim.user.created nor a beginning such as scim.user.*", shown(t))
		}
	}
	out := slices.Clone(types)
	slices.Sort(out)
	return slices.Compact(out), nil
}

func (f typeFilter) has(typ string) bool {
	return len(f) == 0 || slices.ContainsFunc(f, func(p string) bool { return typeMatches(p, typ) })
}

// typeMatches says whether a pattern names the type.
func typeMatches(pattern, typ string) bool {
	if start, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(typ, start)
	}
	return pattern == typ
}
