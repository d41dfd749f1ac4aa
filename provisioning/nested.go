package provisioning

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// loadNested finds groups that are in other groups, when settings are tried: an owner who
// expects their people to be in the outer group, too, should hear that they are not (U19).
func (l *loader) loadNested(ctx context.Context, c *concern) error {
	if !c.everybody || l.was == nil {
		return nil
	}
	l.s.nested = map[string]string{}
	for chunk := range slices.Chunk(sortedKeys(l.s.groups), store.MaxLimit) {
		of, err := l.tx.SCIMGroupsOf(ctx, l.tenantID, chunk...)
		if err != nil {
			return err
		}
		for _, inner := range sortedKeys(of) {
			for _, outer := range of[inner] {
				if _, known := l.s.nested[outer.ID]; !known {
					l.s.nested[outer.ID] = inner
				}
			}
		}
	}
	return nil
}

// reportNested warns about groups that give something and contain groups.
func (p *Plan) reportNested(s *snapshot) {
	for _, outer := range sortedKeys(s.nested) {
		if len(s.groups[outer].own) == 0 {
			continue
		}
		p.warn(Finding{
			Code: FindingNestedGroup, GroupID: outer, Group: s.groupName(outer),
			Message: fmt.Sprintf("The group “%s” contains groups, such as “%s”. Their people have what their own groups give, and nothing from the group around them.", s.groupName(outer), s.groupName(s.nested[outer])),
		})
	}
}
