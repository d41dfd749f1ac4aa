package provisioning

import "github.com/tenantgate/tenantgate/store"

// shared keeps one copy of what is the same for many people, so that a snapshot of a large
// tenant needs memory for what differs. The zero value is ready for use.
type shared struct {
	texts map[string]string
	given map[Give]*Give
}

// text returns the one copy of a group's, team's or role's name or ID.
func (s *shared) text(v string) string {
	if have, ok := s.texts[v]; ok {
		return have
	}
	if s.texts == nil {
		s.texts = map[string]string{}
	}
	s.texts[v] = v
	return v
}

// grant is a line of the ledger with what it shares with others.
func (s *shared) grant(g store.Grant) store.Grant {
	g.Kind = store.GrantKind(s.text(string(g.Kind)))
	g.ResourceID, g.GroupID, g.Role, g.Previous = s.text(g.ResourceID), s.text(g.GroupID), s.text(g.Role), s.text(g.Previous)
	return g
}

// gives are a mapper's answers; one group mostly gives the same to all who are in it.
func (s *shared) gives(list []Give) []*Give {
	if len(list) == 0 {
		return nil
	}
	if s.given == nil {
		s.given = map[Give]*Give{}
	}
	out := make([]*Give, len(list))
	for i, g := range list {
		have, ok := s.given[g]
		if !ok {
			have = &g
			s.given[g] = have
		}
		out[i] = have
	}
	return out
}
