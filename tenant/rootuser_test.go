package tenant

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestR5RootUserLooksPersonal: a guess that warns, and never more than that.
func TestR5RootUserLooksPersonal(t *testing.T) {
	t.Parallel()
	for email, personal := range map[string]bool{
		"devops@acme.com": false, "it@acme.com": false, "IT-Admin@acme.com": false, "root+allquiet@acme.com": false, "sre.team@acme.com": false, "admin1@acme.com": false,
		"ada@acme.com": true, "ada.king@acme.com": true, "a.king+oncall2@acme.com": true, "edit@acme.com": true,
		"": false, "ada": false, "@acme.com": false, "a@b@acme.com": false,
	} {
		found := CheckRootUser(email)
		require.Equal(t, personal, len(found) == 1, email)
		if personal {
			require.Equal(t, CodeRootUserPersonal, found[0].Code)
			require.Equal(t, SeverityWarning, found[0].Severity)
			require.Contains(t, found[0].Message, found[0].Got)
			require.NoError(t, refuse(found))
		}
	}
}

// TestRootUserBreaksGlass: D6, R6. The root user's present address is a way in without the provider, unless the owner
// declined; the one before is not any more.
func TestRootUserBreaksGlass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	root, down := "Root@ACME.com", error(nil)
	b, err := NewBreakGlassList(BreakGlassConfig{Store: w.store, Now: w.clock, RootAddress: func(_ context.Context, tenantID string) (string, error) {
		if tenantID != "t1" {
			return "", down
		}
		return root, down
	}})
	require.NoError(t, err)
	decide := func(tenantID, email string) bool {
		ok, err := b.Decide(ctx, tenantID, email)
		require.NoError(t, err)
		listed, err := b.Listed(ctx, tenantID, email)
		require.NoError(t, err)
		require.Equal(t, ok, listed)
		return ok
	}
	require.False(t, decide("t1", "root@acme.com"), "no connection is in force")
	c := w.active(t, "t1", acme())
	from := len(w.events(t, "t1", 0))
	require.True(t, decide("t1", "root@acme.com"))
	require.Equal(t, []string{"break_glass.used"}, w.events(t, "t1", from))
	require.False(t, decide("t2", "root@acme.com"))
	require.False(t, decide("t1", "root@evil.example"))

	root = "devops@ops.example"
	require.False(t, decide("t1", "root@acme.com"), "the address was changed")
	require.True(t, decide("t1", "devops@ops.example"))
	root = "devops@elsewhere.example"
	require.False(t, decide("t1", root), "nobody sends it to this provider")
	root = ""
	for _, email := range []string{"", "devops@ops.example", "root@acme.com"} {
		require.False(t, decide("t1", email), "declined")
	}

	down = errors.New("database down")
	ok, err := b.Decide(ctx, "t1", "root@acme.com")
	require.ErrorIs(t, err, down)
	require.False(t, ok)
	ok, err = b.Decide(ctx, "t1", "admin@acme.com")
	require.NoError(t, err, "the list needs nobody's answer")
	require.True(t, ok)
	down, root = nil, "root@acme.com"
	c, err = w.Suspend(ctx, owner, "t1", w.stored(t, c.ID).ID, w.stored(t, c.ID).Version, "")
	require.NoError(t, err)
	require.NotEmpty(t, c.ID)
	require.True(t, decide("t1", "root@acme.com"))
}
