package scim

import (
	"context"
	"errors"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// memberKinds finds out which members are users and which are groups. What is
// neither is kept as unknown: it is no error, and may arrive later.
// Both that and a group within a group are warnings.
func (h *Handler) memberKinds(ctx context.Context, r *request, members []store.Member) ([]store.Member, error) {
	out, err := h.kindsOf(ctx, r.tenant, members)
	for _, m := range out {
		switch m.Kind {
		case store.MemberUnknown:
			r.warn(WarningUnknownMember, m.ID)
		case store.MemberGroup:
			r.warn(WarningNestedGroup, m.ID)
		}
	}
	return out, err
}

func (h *Handler) kindsOf(ctx context.Context, tenant string, members []store.Member) ([]store.Member, error) {
	if len(members) == 1 {
		return h.memberKind(ctx, tenant, members[0])
	}
	out := slices.Clone(members)
	for chunk := range slices.Chunk(out, store.MaxLimit) {
		kinds := make(map[string]store.MemberKind, len(chunk))
		if err := h.findKinds(ctx, h.types[0], tenant, chunk, kinds, store.MemberUser); err != nil {
			return nil, err
		}
		rest := slices.DeleteFunc(slices.Clone(chunk), func(m store.Member) bool { return kinds[m.ID] != "" })
		if err := h.findKinds(ctx, h.types[1], tenant, rest, kinds, store.MemberGroup); err != nil {
			return nil, err
		}
		for i := range chunk {
			chunk[i].Kind = kinds[chunk[i].ID]
		}
	}
	return out, nil
}

// memberKind does the same for the one member that most requests name.
func (h *Handler) memberKind(ctx context.Context, tenant string, m store.Member) ([]store.Member, error) {
	_, err := h.cfg.Store.SCIMUser(ctx, tenant, m.ID)
	if err == nil {
		m.Kind = store.MemberUser
	} else if errors.Is(err, store.ErrNotFound) {
		if _, err = h.cfg.Store.SCIMGroup(ctx, tenant, m.ID); err == nil {
			m.Kind = store.MemberGroup
		}
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return []store.Member{m}, nil
}

func (h *Handler) findKinds(ctx context.Context, rt *resourceType, tenant string, members []store.Member, kinds map[string]store.MemberKind, kind store.MemberKind) error {
	if len(members) == 0 {
		return nil
	}
	wanted := make(map[string]bool, len(members))
	for _, m := range members {
		wanted[m.ID] = true
	}
	q := store.Query{Filter: store.In{Attr: store.AttrID, Values: memberIDsOf(members)}, WithoutBody: true}
	for {
		page, err := h.kinds[rt].page(ctx, h.cfg.Store, tenant, q)
		if err != nil {
			return err
		}
		for _, rec := range page.Items {
			if wanted[rec.ID] {
				kinds[rec.ID] = kind
			}
		}
		if !page.More {
			return nil
		}
		q.After = page.Next
	}
}
