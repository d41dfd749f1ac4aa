package provisioning_test

import (
	"context"
	"fmt"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// A page changes a mapping row by row, shows what that would do, and applies what was shown.
func ExampleEngine_ChangeDraft() {
	ctx := context.Background()
	engine, owner, err := planned("SRE", "Sales")
	if err != nil {
		fmt.Println(err)
		return
	}
	draft, err := engine.ChangeDraft(ctx, owner, "acme", 0, func(s *store.ProvisioningSettings) error {
		s.Mode = store.ModeManual
		s.Rows = append(s.Rows, store.MappingRow{GroupID: "g1", TeamID: "t1", TeamRole: "member"})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	preview, err := engine.PreviewDraft(ctx, owner, "acme")
	if err != nil {
		fmt.Println(err)
	}
	groups, err := engine.KeptPage(ctx, owner, "acme", preview.ID, provisioning.PageQuery{Tab: provisioning.TabGroups})
	if err != nil {
		fmt.Println(err)
	}
	for _, g := range groups.Groups {
		fmt.Println(g.Group, g.Outcome)
	}
	plan, err := engine.ApplyKept(ctx, owner, "acme", preview.ID, provisioning.Confirm{Hash: preview.Plan.Hash})
	fmt.Println(draft.Revision, plan.Settings.Mode, err)
	// Output:
	// SRE mapped
	// Sales none
	// 1 manual <nil>
}
