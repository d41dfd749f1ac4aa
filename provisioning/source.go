package provisioning

import (
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// Source says where a membership or a role comes from: "manual", "default", "override",
// "group:" and the ID of a group, or "role:" or "claim:" and a value ([ValueSource]).
type Source string

// The sources that are no group.
const (
	// SourceManual is what somebody gave by hand, or what was there before.
	SourceManual Source = "manual"
	// SourceDefault is the settings' default role (R99).
	SourceDefault Source = "default"
	// SourceOverride is a role that a group gave and somebody changed by hand since (D1).
	SourceOverride Source = "override"
)

const groupSourcePrefix = "group:"

// GroupSource returns the source of what a group gives.
func GroupSource(groupID string) Source {
	switch groupID {
	case "":
		return ""
	case store.GrantedByDefault:
		return SourceDefault
	}
	if isValue(groupID) {
		return Source(groupID)
	}
	return Source(groupSourcePrefix + groupID)
}

// SourceOf returns the source of a line of the ledger.
func SourceOf(g store.Grant) Source { return GroupSource(g.GroupID) }

// Group returns the ID of the group that it is; ok is false for other sources.
func (s Source) Group() (groupID string, ok bool) {
	return strings.CutPrefix(string(s), groupSourcePrefix)
}
