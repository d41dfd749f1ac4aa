package tenant

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestOffersAfterTheTenantIsResumed: resuming lets nobody in by itself, so that offers which were still to be made are made
// all the same, but to those whose connection is in force again (R50).
func TestOffersAfterTheTenantIsResumed(t *testing.T) {
	// half makes the first page of 62 offers.
	half := func(t *testing.T) (*world, *town, Connection) {
		w, h := endingWorld(t)
		c := w.populated(t, h, "t1", "acme.com", 60)
		w.begin(t, Ending{Kind: EndingSuspend, Offer: OfferPasswordReset})
		p, err := w.ContinueEnding(t.Context(), "t1")
		require.NoError(t, err)
		require.False(t, p.Done)
		require.NotEmpty(t, h.offered)
		require.Less(t, len(h.offered), 62)
		require.NoError(t, w.ResumeTenant(t.Context(), owner, "t1", "paid"))
		c, err = w.Connection(t.Context(), owner, "t1", c.ID)
		require.NoError(t, err)
		require.Equal(t, store.ConnectionSuspended, c.State)
		return w, h, c
	}
	once := func(t *testing.T, w *world, h *town, offered int) {
		t.Helper()
		n, err := w.RunEndings(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, n)
		n, err = w.RunEndings(t.Context())
		require.NoError(t, err)
		require.Zero(t, n, "nothing is left")
		require.Len(t, h.offered, offered)
		seen := map[string]bool{}
		for _, o := range h.offered {
			require.False(t, seen[o], "%s twice", o)
			seen[o] = true
		}
		l, err := w.store.Lifecycle(t.Context(), "t1")
		require.NoError(t, err)
		if l.State == store.ServiceOn {
			require.Empty(t, l.Work)
		}
		made := 0
		for _, typ := range w.events(t, "t1", 0) {
			if typ == "tenant.offers_made" {
				made++
			}
		}
		require.Equal(t, 1, made)
	}
	t.Run("the connection stays suspended", func(t *testing.T) {
		w, h, _ := half(t)
		once(t, w, h, 62)
	})
	t.Run("suspended once more, without offers", func(t *testing.T) {
		w, h, _ := half(t)
		w.begin(t, Ending{Kind: EndingSuspend})
		once(t, w, h, 62)
	})
	t.Run("the connection is in force again", func(t *testing.T) {
		w, h, c := half(t)
		made := len(h.offered)
		_, err := w.Activate(t.Context(), owner, "t1", c.ID, c.Version, Activation{})
		require.NoError(t, err)
		once(t, w, h, made)
	})
	t.Run("removed instead", func(t *testing.T) {
		w, h, _ := half(t)
		made := len(h.offered)
		w.begin(t, Ending{Kind: EndingRemove, Confirm: true})
		_, err := w.RunEndings(t.Context())
		require.NoError(t, err)
		require.Len(t, h.offered, made, "a removal makes the offers that it was begun with")
	})
}
