package tenant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestAudit: R51. What owners and staff did can be found by who, what and when.
func TestAudit(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	c := w.active(t, "t1", acme())
	w.pass(time.Hour)
	between := w.clock()
	_, key, err := w.CreateAPIKey(ctx, owner, "t1", NewAPIKey{Name: "Okta"})
	require.NoError(t, err)
	w.pass(time.Hour)
	later := w.clock()
	_, err = w.RevokeAPIKey(ctx, Actor{Kind: ActorOwner, ID: "second", Name: "Second"}, "t1", key.ID, key.Version, true)
	require.NoError(t, err)

	find := func(q AuditQuery) []string {
		t.Helper()
		p, err := w.Audit(ctx, owner, "t1", q)
		require.NoError(t, err)
		require.Zero(t, p.Next)
		var out []string
		for _, e := range p.Entries {
			out = append(out, e.Type)
		}
		return out
	}
	all := w.events(t, "t1", 0)
	require.Len(t, find(AuditQuery{}), len(all))
	require.Equal(t, all[len(all)-1], find(AuditQuery{})[0], "newest first")
	require.Equal(t, []string{"api_key.revoked", "api_key.created"}, find(AuditQuery{SubjectKind: "api_key", SubjectID: key.ID}))
	require.Equal(t, []string{"api_key.revoked", "api_key.created"}, find(AuditQuery{From: between}))
	require.Equal(t, []string{"api_key.created"}, find(AuditQuery{From: between, To: later}))
	require.Equal(t, []string{"api_key.revoked"}, find(AuditQuery{ActorKind: "owner", ActorID: "second"}))
	require.Equal(t, []string{"api_key.created"}, find(AuditQuery{TypePrefix: "api_key.", ActorID: owner.ID}))
	require.Contains(t, find(AuditQuery{ActorKind: string(ActorStaff), SubjectID: c.ID}), "connection.approved")
	require.Empty(t, find(AuditQuery{ActorID: "nobody"}))

	// Pages meet without a gap.
	var paged []string
	for q := (AuditQuery{Limit: 3}); ; {
		p, err := w.Audit(ctx, owner, "t1", q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(p.Entries), 3)
		for _, e := range p.Entries {
			paged = append(paged, e.Type)
		}
		if p.Next == 0 {
			break
		}
		q.Before = p.Next
	}
	require.Equal(t, find(AuditQuery{}), paged)

	// The export has the same entries in the order in which they happened, and is an entry itself.
	var b bytes.Buffer
	n, err := w.ExportAudit(ctx, owner, "t1", AuditQuery{}, &b)
	require.NoError(t, err)
	require.Equal(t, len(all), n)
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	require.Len(t, lines, n)
	for i, line := range lines {
		var e store.Event
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		require.Equal(t, all[i], e.Type)
	}
	require.NotContains(t, b.String(), testSecret)
	require.Equal(t, "audit.exported", find(AuditQuery{})[0])
	b.Reset()
	n, err = w.ExportAudit(ctx, owner, "t1", AuditQuery{ActorID: "second"}, &b)
	require.NoError(t, err)
	require.Equal(t, 1, n)

	// Another tenant's log is its own.
	n, err = w.ExportAudit(ctx, owner, "t2", AuditQuery{}, &b)
	require.NoError(t, err)
	require.Zero(t, n)
}

// TestAuditOfALargeJournal: a call looks at a bounded part, an export at all, and neither loses an entry.
func TestAuditOfALargeJournal(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	const n = auditScan + 2*store.MaxLimit + 7
	at := w.clock()
	events := make([]store.Event, n)
	for i := range events {
		events[i] = store.Event{ID: fmt.Sprint("e", i), Type: "x.y", At: at, Actor: store.EventActor{Kind: "system"}}
		if i%1000 == 3 {
			events[i].Actor = store.EventActor{Kind: "user", ID: "rare", Name: "line\nbreak <b>"}
		}
	}
	require.NoError(t, w.store.AppendEvents(ctx, "t1", events...))
	found, calls := 0, 0
	for q := (AuditQuery{ActorID: "rare", Limit: 2}); ; calls++ {
		p, err := w.Audit(ctx, owner, "t1", q)
		require.NoError(t, err)
		found += len(p.Entries)
		if q.Before = p.Next; q.Before == 0 {
			break
		}
	}
	require.Equal(t, (n-4)/1000+1, found)
	p, err := w.Audit(ctx, owner, "t1", AuditQuery{ActorID: "nobody"})
	require.NoError(t, err)
	require.Empty(t, p.Entries)
	require.NotZero(t, p.Next, "it goes on from here")
	for _, limit := range []int{0, -1, AuditLimit} {
		p, err = w.Audit(ctx, owner, "t1", AuditQuery{Limit: limit})
		require.NoError(t, err)
		require.Len(t, p.Entries, AuditLimit)
	}
	p, err = w.Audit(ctx, owner, "t1", AuditQuery{Before: -7})
	require.NoError(t, err)
	require.Len(t, p.Entries, AuditLimit, "a place before the first entry is none")
	p, err = w.Audit(ctx, owner, "t1", AuditQuery{Limit: 1 << 40})
	require.NoError(t, err)
	require.Len(t, p.Entries, store.MaxLimit)

	var b bytes.Buffer
	got, err := w.ExportAudit(ctx, owner, "t1", AuditQuery{ActorKind: "user", Limit: 1}, &b)
	require.NoError(t, err)
	require.Equal(t, found, got)
	require.Equal(t, found, strings.Count(b.String(), "\n"), "a name can't begin a line")
	got, err = w.ExportAudit(ctx, owner, "t1", AuditQuery{}, fullDisk{})
	require.ErrorContains(t, err, "no space")
	require.Zero(t, got)
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }
