package provisioning_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// planned is an engine for acme, whose directory has the groups g1 and so on.
func planned(groups ...string) (*provisioning.Engine, tenant.Actor, error) {
	st := memory.New()
	engine, err := provisioning.New(provisioning.Config{
		Store: st, Target: newApp(),
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		OrgRoles:   []string{"member", "administrator", "owner"}, TeamRoles: []string{"member", "administrator"},
	})
	if err != nil {
		return nil, tenant.Actor{}, err
	}
	return engine, tenant.Actor{Kind: tenant.ActorOwner, ID: "u1", Name: "Root"}, groupsOf(st, groups...)
}

// What was applied is taken back like it was applied: look at the plan, quote its hash.
func ExampleEngine_PreviewUndo() {
	ctx := context.Background()
	engine, owner, err := planned("SRE")
	if err != nil {
		fmt.Println(err)
		return
	}
	settings := store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{{GroupID: "g1", TeamID: "t1", TeamRole: "member"}}}
	plan, err := engine.Preview(ctx, owner, "acme", settings)
	if err != nil {
		fmt.Println(err)
	}
	applied, err := engine.Apply(ctx, owner, "acme", settings, provisioning.Confirm{Hash: plan.Hash})
	if err != nil {
		fmt.Println(err)
	}

	undo, err := engine.PreviewUndo(ctx, owner, "acme", applied.ID)
	if err != nil {
		fmt.Println(err)
	}
	undone, err := engine.ApplyUndo(ctx, owner, "acme", applied.ID, provisioning.Confirm{Hash: undo.Hash})
	fmt.Println(undone.Settings.Mode, len(undone.Settings.Rows), undone.UndoOf == applied.ID, err)
	// Output: none 0 true <nil>
}

// An owner holds everything back, sees what waits, and lets it through.
func ExampleEngine_Pause() {
	ctx := context.Background()
	engine, owner, err := planned()
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := engine.Pause(ctx, owner, "acme", "We are moving to another provider."); err != nil {
		fmt.Println(err)
	}
	held, err := engine.Held(ctx, owner, "acme")
	if err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%s: %s %d people lose something.\n", held.Pause.By.Name, held.Pause.Reason, held.Plan.Totals.PeopleLosing)
	plan, err := engine.Resume(ctx, owner, "acme", provisioning.Confirm{Hash: held.Plan.Hash})
	fmt.Println(plan.Settings.Paused, err)
	// Output:
	// Root: We are moving to another provider. 0 people lose something.
	// false <nil>
}

// A large plan is shown page by page, on whichever replica.
func ExampleEngine_PreviewPage() {
	ctx := context.Background()
	engine, owner, err := planned("SRE", "Sales")
	if err != nil {
		fmt.Println(err)
		return
	}
	settings := store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member"}}
	plan, err := engine.Preview(ctx, owner, "acme", settings)
	if err != nil {
		fmt.Println(err)
	}
	page, err := engine.PreviewPage(ctx, owner, "acme", settings, plan.Hash, provisioning.PageQuery{Tab: provisioning.TabTeams, Limit: 1})
	fmt.Println(page.Lines[0].Kind, page.Lines[0].Team, page.Total, page.Next, err)
	// Output: team.create SRE 2 1 <nil>
}

// The host's tenant.Runner compares everybody once in a while.
func ExampleEngine_ReconcileTask() {
	engine, _, err := planned()
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := tenant.RunnerConfig{Tasks: []tenant.Task{
		engine.ReconcileTask(),
		{Name: "provisioning", Loop: func(ctx context.Context) error { return engine.Run(ctx, 10*time.Second) }},
	}}
	fmt.Println(cfg.Tasks[0].Name)
	// Output: provisioning_reconcile
}

func ExampleReadConversionList() {
	list, err := provisioning.ReadConversionList(strings.NewReader("Name;E-mail\n\"King, Ada\";ada@acme.example\nBen <ben@acme.example>\n"))
	fmt.Println(list, err)
	// Output: [ada@acme.example ben@acme.example] <nil>
}
