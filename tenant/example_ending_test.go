package tenant_test

import (
	"context"
	"fmt"
	"io"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// A removal is seen before it is done, and goes on on whichever replica.
func ExampleService_PlanEnding() {
	remove := func(ctx context.Context, svc *tenant.Service, staff tenant.Actor, orgID string, out io.Writer) error {
		if _, err := svc.ExportTenant(ctx, staff, orgID, out); err != nil {
			return err
		}
		e := tenant.Ending{Kind: tenant.EndingRemove, Offer: tenant.OfferPasswordReset}
		plan, err := svc.PlanEnding(ctx, staff, orgID, e)
		if err != nil {
			return err
		}
		fmt.Printf("%d of %d people lose every way in\n", plan.Totals.By[tenant.EffectLoses], plan.Totals.People)
		// Somebody looks at it here, and agrees.
		if _, err := svc.ApplyEnding(ctx, staff, orgID, e, plan.Hash); err != nil {
			return err // a *tenant.StaleEndingError has the present plan
		}
		_, err = svc.RunEndings(ctx) // the host's worker calls it too, and goes on after a crash
		return err
	}
	_ = remove
	// Output:
}

// One connection is suspended as its owner has seen it, and in an emergency at once.
func ExampleService_ApplyEnding() {
	suspend := func(ctx context.Context, svc *tenant.Service, owner tenant.Actor, orgID, connectionID string, emergency bool) error {
		e := tenant.Ending{Kind: tenant.EndingSuspend, ConnectionID: connectionID, Offer: tenant.OfferPasswordReset}
		if emergency {
			e.Unplanned, e.Reason = true, "the provider is in wrong hands"
			_, err := svc.ApplyEnding(ctx, owner, orgID, e, "")
			return err
		}
		plan, err := svc.PlanEnding(ctx, owner, orgID, e)
		if err != nil {
			return err
		}
		for _, p := range plan.People {
			fmt.Println(p.Email, p.Effect) // shown to the owner, who agrees
		}
		_, err = svc.ApplyEnding(ctx, owner, orgID, e, plan.Hash)
		return err
	}
	_ = suspend
	// Output:
}

// A host with a product of its own tells who has a password.
func ExamplePeople() {
	var _ tenant.People = passwords{}
	// Output:
}

type passwords struct{}

func (passwords) People(_ context.Context, _ string, accountIDs []string) ([]tenant.Person, error) {
	out := make([]tenant.Person, 0, len(accountIDs))
	for _, id := range accountIDs {
		out = append(out, tenant.Person{AccountID: id, Active: true, LocalCredential: id == "root"})
	}
	return out, nil
}

func (passwords) OfferWayIn(context.Context, store.Store, string, tenant.Person, tenant.Offer) error {
	return nil // write a mail into the host's own queue, through the transaction
}

// A tenant's page tells what works only in part.
func ExampleDegradedModes() {
	for _, m := range tenant.DegradedModes()[:2] {
		fmt.Printf("%s: a directory that sets somebody inactive: %s\n", m.Mode, m.Does[tenant.OpDeactivate])
	}
	// Output:
	// plan_lapsed: a directory that sets somebody inactive: yes
	// plan_unknown: a directory that sets somebody inactive: yes
}
