package tenant

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestEmailFallbackIsReviewed: R18. The choice is one of the settings that staff approve: reviewers are warned, a change of it
// is shown and needs a test sign-in of its own, and it is in force when the change is, not before.
func TestEmailFallbackIsReviewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	require.Empty(t, c.EmailFallback, "off unless chosen")
	d := acme()
	d.EmailFallback = EmailFallbackUPN
	d.ClientSecret = NewSecret("another-" + testSecret)
	ch := w.requested(t, c, d)
	require.Equal(t, EmailFallbackUPN, ch.EmailFallback)
	require.Contains(t, checkCodes(ch.Checks), CodeEmailFallback, "staff see it")
	review, err := w.Review(ctx, staff, "t1", ch.ID)
	require.NoError(t, err)
	require.Contains(t, Differences(*c.Approved, *ch.Approved), Difference{Field: FieldEmailFallback, After: []string{EmailFallbackUPN}})
	require.Equal(t, ch.ID, review.Connection.ID)
	w.refusedWith(t, "t1", ErrorCodeTestRequired, func() error {
		_, err := w.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, false)
		return err
	})
	require.Empty(t, w.stored(t, c.ID).EmailFallback)
	ch = w.tested(t, "t1", ch)
	c, err = w.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, false)
	require.NoError(t, err)
	require.Equal(t, EmailFallbackUPN, c.EmailFallback)
	require.True(t, signInChanged(store.Connection{}, store.Connection{EmailFallback: EmailFallbackUPN}))

	next, err := w.StartChange(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	require.Equal(t, EmailFallbackUPN, next.EmailFallback, "a change begins with what is in force")
}
