package tenant

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// meanwhile is a host that is asked about its people while somebody else does something.
type meanwhile struct {
	*town
	once func()
}

func (m *meanwhile) People(ctx context.Context, tenantID string, ids []string) ([]Person, error) {
	if do := m.once; do != nil {
		m.once = nil
		do()
	}
	return m.town.People(ctx, tenantID, ids)
}

func meanwhileWorld(t *testing.T) (*world, *meanwhile) {
	t.Helper()
	m := &meanwhile{town: &town{people: map[string]Person{}}}
	w := newWorld(t, func(c *Config) { c.People, c.Releaser = m, m.town })
	w.populated(t, m.town, "t1", "acme.com", 3)
	return w, m
}

// TestEndingsAtOnce: what somebody else began while a plan was made is neither undone nor done to what nobody saw.
func TestEndingsAtOnce(t *testing.T) {
	t.Run("a suspension does not take a removal back", func(t *testing.T) {
		w, m := meanwhileWorld(t)
		suspend, removal := Ending{Kind: EndingSuspend}, Ending{Kind: EndingRemove}
		hash, remove := w.planned(t, suspend).Hash, w.planned(t, removal).Hash
		m.once = func() {
			_, err := w.ApplyEnding(t.Context(), owner, "t1", removal, remove)
			require.NoError(t, err)
		}
		_, err := w.ApplyEnding(t.Context(), owner, "t1", suspend, hash)
		require.Equal(t, ErrorCodeTenantRemoved, CodeOf(err), "%v", err)
		l, err := w.store.Lifecycle(t.Context(), "t1")
		require.NoError(t, err)
		require.Equal(t, store.ServiceRemoving, l.State)
	})
	t.Run("a connection that was activated meanwhile was in no plan", func(t *testing.T) {
		w, m := meanwhileWorld(t)
		d := acme()
		d.Name, d.ClientID, d.Domains, d.BreakGlass = "Second", "client-2", []string{"second.example"}, []string{"admin@second.example"}
		c := w.approved(t, "t1", d)
		w.prove(t, "t1", c)
		c = w.tested(t, "t1", c)
		suspend := Ending{Kind: EndingSuspend}
		hash := w.planned(t, suspend).Hash
		m.once = func() {
			_, err := w.Activate(t.Context(), owner, "t1", c.ID, c.Version, Activation{})
			require.NoError(t, err)
		}
		_, err := w.ApplyEnding(t.Context(), owner, "t1", suspend, hash)
		require.ErrorIs(t, err, store.ErrStale)
		var stale *StaleEndingError
		require.ErrorAs(t, err, &stale)
		require.Len(t, stale.Plan.Connections, 2, "the plan to look at is the present one")
		l, err := w.Connection(t.Context(), owner, "t1", c.ID)
		require.NoError(t, err)
		require.Equal(t, store.ConnectionActive, l.State)
	})
}

// holdingsCounter counts how often everything that a tenant has is counted.
type holdingsCounter struct {
	*memory.Store
	holdings int
}

func (c *holdingsCounter) Holdings(ctx context.Context, tenantID string) (map[store.RecordKind]int, error) {
	c.holdings++
	return c.Store.Holdings(ctx, tenantID)
}

// TestOffersCountNothing: a page of offers costs what its people do, however many others the tenant has.
func TestOffersCountNothing(t *testing.T) {
	st := &holdingsCounter{Store: memory.New()}
	w, h := endingWorld(t, func(c *Config) { c.Store = st })
	w.store = st
	c := w.populated(t, h, "t1", "acme.com", 3*endingPage)
	for _, e := range []Ending{{Kind: EndingSuspend, Offer: OfferInvitation, Confirm: true, ConnectionID: c.ID}, {Kind: EndingSuspend, Offer: OfferInvitation, Confirm: true}} {
		w.begin(t, e)
		st.holdings = 0
		for done := false; !done; {
			p, err := w.ContinueEnding(t.Context(), "t1")
			require.NoError(t, err)
			done = p.Done
		}
		require.Zero(t, st.holdings)
	}
	require.NotEmpty(t, h.offered)
	w.begin(t, Ending{Kind: EndingRemove, Confirm: true})
	st.holdings = 0
	for people := true; people; {
		_, err := w.ContinueEnding(t.Context(), "t1")
		require.NoError(t, err)
		page, err := st.Accounts(t.Context(), "t1", store.Query{Limit: 1})
		require.NoError(t, err)
		people = len(page.Items) > 0
	}
	require.Zero(t, st.holdings)
}

// panicking is a host that panics about the people of one tenant.
type panicking struct {
	*town
	tenantID string
}

func (p panicking) People(ctx context.Context, tenantID string, ids []string) ([]Person, error) {
	if tenantID == p.tenantID {
		panic("a person without a name")
	}
	return p.town.People(ctx, tenantID, ids)
}

// TestEndingsWithAHostThatPanics: what the host panics at for one tenant stops no other's ending.
func TestEndingsWithAHostThatPanics(t *testing.T) {
	h := &panicking{town: &town{people: map[string]Person{}}}
	w := newWorld(t, func(c *Config) { c.People, c.Releaser = h, h.town })
	w.populated(t, h.town, "t1", "acme.com", 2)
	w.populated(t, h.town, "t2", "other.example", 2)
	removal := Ending{Kind: EndingRemove, Confirm: true}
	for _, id := range []string{"t1", "t2"} {
		plan, err := w.PlanEnding(t.Context(), owner, id, removal)
		require.NoError(t, err)
		_, err = w.ApplyEnding(t.Context(), owner, id, removal, plan.Hash)
		require.NoError(t, err)
	}
	h.tenantID = "t1"
	n, err := w.RunEndings(t.Context())
	require.ErrorContains(t, err, "a person without a name")
	require.ErrorContains(t, err, "ending of t1")
	require.Equal(t, 1, n)
	h.tenantID = ""
	n, err = w.RunEndings(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n, "and it is gone on with at once")
}
