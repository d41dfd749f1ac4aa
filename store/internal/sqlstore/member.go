package sqlstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// NewGroup is a new group as it is read back.
func NewGroup(g store.SCIMGroup, tenantID string, withMembers bool) store.SCIMGroup {
	g.TenantID, g.Version = tenantID, 1
	g.CreatedAt, g.UpdatedAt = store.Time(g.CreatedAt), store.Time(g.UpdatedAt)
	g.MembersVersion, g.MembersUpdatedAt = 0, time.Time{}
	if withMembers {
		g.MembersVersion, g.MembersUpdatedAt = 1, g.CreatedAt
	}
	return g
}

// WithMembers returns the events of a new group, of which the last tells its members.
func WithMembers(events []store.Event, members []store.Member) []store.Event {
	if len(events) == 0 || len(members) == 0 {
		return events
	}
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	slices.Sort(ids)
	events = slices.Clone(events)
	events[len(events)-1].Members = &store.MemberChange{Added: slices.Compact(ids)}
	return events
}

// EncodeMembers writes a change of members as the journal's column has it.
func EncodeMembers(c store.MemberChange) string {
	b, _ := json.Marshal(c) // strings always marshal
	return string(b)
}

// DecodeMembers reads a change of which each half is a JSON array or empty.
func DecodeMembers(added, removed string) (store.MemberChange, error) {
	var c store.MemberChange
	if err := errors.Join(decodeIDs(added, &c.Added), decodeIDs(removed, &c.Removed)); err != nil {
		return c, fmt.Errorf("store: a change of members: %w", err)
	}
	return c, nil
}

func decodeIDs(array string, ids *[]string) error {
	if array == "" {
		return nil
	}
	return json.Unmarshal([]byte(array), ids)
}
