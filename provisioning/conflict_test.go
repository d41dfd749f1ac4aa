package provisioning

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

func (w *world) conflicts() []Conflict {
	w.Helper()
	list, next, err := w.e.Conflicts(w.ctx, owner, org, 0, 0)
	require.NoError(w, err)
	require.Zero(w, next)
	return list
}

// TestConflictCards: what the directory was refused is a card, until one decision solves it.
func TestConflictCards(t *testing.T) {
	w, _ := credentialWorld(t)
	p := w.policy()
	for _, body := range []string{`{"userName":"eve@acme.example"}`, `{"userName":"root@acme.example"}`, `{"userName":"x@other.example"}`, `{"userName":"eve@acme.example"}`} {
		require.Error(t, p.Check(t.Context(), create(body)))
	}
	list := w.conflicts()
	require.Len(t, list, 3)
	require.Equal(t, []string{"domain_not_verified", "root_user", "account_exists"}, []string{list[0].Code, list[1].Code, list[2].Code})
	first, next, err := w.e.Conflicts(t.Context(), owner, org, 0, 2)
	require.NoError(t, err)
	require.Equal(t, list[:2], first)
	rest, _, err := w.e.Conflicts(t.Context(), owner, org, next, 2)
	require.NoError(t, err)
	require.Equal(t, list[2:], rest)

	require.NoError(t, w.e.DecideConflict(t.Context(), owner, org, list[1].Seq, ConflictDecision{Action: ConflictIgnore}))
	require.Len(t, w.conflicts(), 2)
	require.ErrorIs(t, w.e.DecideConflict(t.Context(), owner, org, list[1].Seq, ConflictDecision{Action: ConflictIgnore}), ErrConflictGone)
	require.ErrorIs(t, w.e.DecideConflict(t.Context(), owner, org, list[0].Seq, ConflictDecision{Action: ConflictConvert}), ErrConflictChoice)
	require.ErrorIs(t, w.e.DecideConflict(t.Context(), owner, "globex", list[0].Seq, ConflictDecision{Action: ConflictIgnore}), store.ErrNotFound)
	require.ErrorIs(t, w.e.DecideConflict(t.Context(), owner, org, 1<<40, ConflictDecision{Action: ConflictIgnore}), ErrConflictGone)
	_, err = w.st.CreateDomain(t.Context(), org, store.Domain{Meta: w.meta("d2"), Name: "other.example", State: store.DomainVerified})
	require.NoError(t, err)

	card := w.conflicts()
	require.Len(t, card, 1, "the domain is verified now")
	d := ConflictDecision{Action: ConflictConvert, EndSessions: true}
	require.ErrorIs(t, w.e.DecideConflict(t.Context(), owner, org, card[0].Seq, d), store.ErrStale, "nobody looked")
	plan, err := w.e.PlanConflict(t.Context(), owner, org, card[0].Seq, d)
	require.NoError(t, err)
	d.Hash = plan.Hash
	require.NoError(t, w.e.DecideConflict(t.Context(), owner, org, card[0].Seq, d))
	require.Empty(t, w.conflicts())
	require.NoError(t, p.Check(t.Context(), create(`{"userName":"eve@acme.example"}`)), "the directory's next try")
	w.user("eve")
	w.sync()
	require.Equal(t, w.ids["eve"], w.record("u-eve").SCIMUserID)
	require.Len(t, w.events(EventConflictDecided), 2)
}

// TestConflictsOfUsers: users whom the directory has sent already get their account at once.
func TestConflictsOfUsers(t *testing.T) {
	w, _ := credentialWorld(t)
	w.user("eve")
	w.sync()
	card := w.conflicts()
	require.Len(t, card, 1)
	require.Equal(t, w.ids["eve"], card[0].SCIMUserID)
	d := ConflictDecision{Action: ConflictConvert}
	plan, err := w.e.PlanConflict(t.Context(), owner, org, card[0].Seq, d)
	require.NoError(t, err)
	d.Hash = plan.Hash
	require.NoError(t, w.e.DecideConflict(t.Context(), owner, org, card[0].Seq, d))
	require.Equal(t, w.ids["eve"], w.record("u-eve").SCIMUserID)
	require.Empty(t, w.conflicts())

	w.send("eve", "eva@acme.example", "")
	w.sync()
	card = w.conflicts()
	require.Len(t, card, 1)
	require.Equal(t, string(FindingEmailHeld), card[0].Code)
	require.NoError(t, w.e.DecideConflict(t.Context(), owner, org, card[0].Seq, ConflictDecision{Action: ConflictAccept}))
	require.Equal(t, "eva@acme.example", w.host.users["u-eve"].Email)
	require.Empty(t, w.conflicts())
	w.stable()
}

// TestConflictIsForOwners: who may decide is asked of the host.
func TestConflictIsForOwners(t *testing.T) {
	w := newWorld(t)
	cfg := w.cfg
	cfg.Authorizer = tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return tenant.ErrForbidden })
	e, err := New(cfg)
	require.NoError(t, err)
	_, _, err = e.Conflicts(t.Context(), owner, org, 0, 0)
	require.ErrorIs(t, err, tenant.ErrForbidden)
	_, err = e.PlanConflict(t.Context(), owner, org, 1, ConflictDecision{})
	require.ErrorIs(t, err, tenant.ErrForbidden)
	require.ErrorIs(t, e.DecideConflict(t.Context(), owner, org, 1, ConflictDecision{}), tenant.ErrForbidden)
	_, err = e.PlanConversionUndo(t.Context(), owner, org, nil)
	require.ErrorIs(t, err, tenant.ErrForbidden)
	_, err = e.UndoConversion(t.Context(), owner, org, nil, "")
	require.ErrorIs(t, err, tenant.ErrForbidden)
}
