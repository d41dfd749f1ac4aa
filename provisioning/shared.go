package provisioning

// shared keeps one copy of what is the same for many people, so that a snapshot of a large
// tenant needs memory for what differs. The zero value is ready for use.
type shared struct {
	given map[Give]*Give
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
