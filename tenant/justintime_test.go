package tenant

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestJustInTimeChoice: the owner's choice is kept, shown to those who review, and refused where it contradicts itself.
func TestJustInTimeChoice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := acme()
	d.JustInTimeAnyDomain = true
	w.refusedWith(t, "t1", CodeJustInTimeOff, func() error {
		_, _, err := w.CreateDraft(t.Context(), owner, "t1", d)
		return err
	})
	d.JustInTime = true
	c, findings, err := w.CreateDraft(t.Context(), owner, "t1", d)
	require.NoError(t, err)
	require.True(t, c.JustInTimeAnyDomain)
	require.Contains(t, checkCodes(results(findings)), CodeJustInTimeAnyDomain)
	c, _, err = w.Submit(t.Context(), owner, "t1", c.ID, c.Version)
	require.NoError(t, err)
	require.Contains(t, checkCodes(c.Checks), CodeJustInTimeAnyDomain, "staff see it")

	var old store.Connection
	require.NoError(t, json.Unmarshal([]byte(`{"state":"active","justInTime":true}`), &old))
	require.True(t, old.JustInTime)
	require.False(t, old.JustInTimeAnyDomain, "a record from before means what it meant")
}

// TestHeldByOther: a name that another tenant proved, or one below it, is that tenant's.
func TestHeldByOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.active(t, "t1", acme())
	w.draft(t, "t1", Draft{Domains: []string{"pending.example"}})
	for domain, want := range map[string]bool{
		"acme.com": true, "x.acme.com": true, "y.x.acme.com": true, "notacme.com": false, "com": false, "acme.com.example": false,
		"pending.example": false, "": false,
	} {
		held, err := HeldByOther(t.Context(), w.store, "t2", domain)
		require.NoError(t, err)
		require.Equal(t, want, held, domain)
		held, err = HeldByOther(t.Context(), w.store, "t1", domain)
		require.NoError(t, err)
		require.False(t, held, domain)
	}
}

func checkCodes(checks []store.CheckResult) []string {
	var out []string
	for _, c := range checks {
		out = append(out, c.Code)
	}
	return out
}
