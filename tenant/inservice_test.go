package tenant

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// overtaken is a store before whose nth transaction somebody else does something.
type overtaken struct {
	store.Store
	n, at int
	do    func()
}

func (o *overtaken) InTx(ctx context.Context, fn func(store.Store) error) error {
	if o.n++; o.n == o.at {
		o.do()
	}
	return o.Store.InTx(ctx, fn)
}

func (o *overtaken) LookupStoreOf() store.Store { return o.Store }

// TestStepsThatASuspensionOvertakes: what needs a tenant in service is refused where the tenant was suspended, or its removal
// was begun, after the first look and before the transaction (R50).
func TestStepsThatASuspensionOvertakes(t *testing.T) {
	all := steps()
	for _, name := range []string{
		"CreateDraft", "SaveDraft", "Submit", "Submit/approved by a policy", "Approve", "Approve/the first of two",
		"Activate", "Activate/enforced, sessions end", "SetEnforced", "StartChange", "ApplyChange",
		"AddDomains", "SetSubdomains", "SetDomainConnections", "EnableSCIM", "SetSCIMPreferences", "CreateAPIKey", "StartKeyRotation",
		"CreateSetupLink", "CreateWebhook", "EnableWebhook",
	} {
		for kind, code := range map[EndingKind]string{EndingSuspend: ErrorCodeTenantSuspended, EndingRemove: ErrorCodeTenantRemoved} {
			switch {
			case name == "EnableWebhook" && kind == EndingSuspend:
				continue // it may go on
			case name == "SetEnforced":
				code = ErrorCodeStale // the ending suspended the connection itself
			}
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				f := newFaulty(t)
				call := all[name](t, f)
				counted := &overtaken{Store: f.Service.store}
				f.Service.store = counted
				require.NoError(t, call(t.Context()))

				f = newFaulty(t)
				call = all[name](t, f)
				var before []any
				f.Service.store = &overtaken{Store: f.Service.store, at: counted.n, do: func() {
					e := Ending{Kind: kind, Confirm: true}
					plan, err := f.PlanEnding(t.Context(), owner, "t1", e)
					require.NoError(t, err)
					_, err = f.ApplyEnding(t.Context(), owner, "t1", e, plan.Hash)
					require.NoError(t, err)
					before = f.whole(t)
				}}
				err := call(t.Context())
				require.NotNil(t, before)
				require.Equal(t, code, CodeOf(err), "%v", err)
				require.Equal(t, before, f.whole(t), "it must write nothing")
			})
		}
	}
}
