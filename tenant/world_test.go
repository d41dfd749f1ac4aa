package tenant

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// The people of the tests.
var (
	owner    = Actor{Kind: ActorOwner, ID: "u1", Email: "owner@acme.com"}
	staff    = Actor{Kind: ActorStaff, ID: "s1", Name: "Sam of support"}
	stranger = Actor{Kind: ActorUser, ID: "u9"}
)

// staffActions are what staff may do beside viewing.
var staffActions = map[Action]bool{ActionReview: true, ActionVerifyDomain: true, ActionViewConnection: true, ActionSuspend: true}

const testSecret = "s3cret-value-0123456789"

// world is a Service with everything around it under the test's control.
type world struct {
	*Service
	store store.Store

	mu       sync.Mutex
	now      time.Time
	report   ProviderReport
	checkErr error
	proven   map[string]bool
	denied   map[Action]bool
	gone     map[string]bool // organisations that the host does not have any more
	plan     Included
	asked    []ProviderRequest
}

// organisation is the host's own type, known by its ID alone.
type organisation string

func (o organisation) TenantID() string   { return string(o) }
func (o organisation) TenantName() string { return "Organisation " + string(o) }

func newWorld(t testing.TB, change ...func(*Config)) *world {
	t.Helper()
	w := &world{
		store: memory.New(), now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
		proven: map[string]bool{}, denied: map[Action]bool{}, gone: map[string]bool{}, plan: Included{SSO: true, SCIM: true},
		report: ProviderReport{
			Issuer: "https://login.acme.com/", ClientAuth: ClientSecretBasic, SigningAlg: "RS256",
			Findings: []Finding{{Field: FieldAuthority, Code: "discovery", Severity: SeverityOK, Message: "read"}},
		},
	}
	ring, err := NewKeyring(KeyringConfig{Keys: []Key{{ID: "k1", Bytes: bytes.Repeat([]byte{7}, 32)}}})
	require.NoError(t, err)
	cfg := Config{
		Store: w.store, Keyring: ring, SCIMBaseURL: "https://app.example.com/scim/v2/", Now: w.clock,
		Tenants: TenantsFunc(func(_ context.Context, id string) (Tenant, error) {
			if w.gone[id] {
				return nil, store.ErrNotFound
			}
			return organisation(id), nil
		}),
		Authorizer:      AuthorizerFunc(w.can),
		ProviderChecker: ProviderCheckerFunc(w.check),
		DomainValidator: w,
		Entitlements:    EntitlementsFunc(func(context.Context, string) (Included, error) { return w.plan, nil }),
	}
	for _, c := range change {
		c(&cfg)
	}
	w.Service, err = New(cfg)
	require.NoError(t, err)
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) can(_ context.Context, a Actor, action Action, _ string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.denied[action]:
	case a.Kind == ActorSetupLink: // this host trusts its links to their intents
		return nil
	case a.Kind == ActorStaff && staffActions[action]:
		return nil
	case a.Kind == ActorOwner && (!staffActions[action] || action == ActionViewConnection || action == ActionSuspend):
		return nil
	}
	return fmt.Errorf("%s may not %s: %w", a.Kind, action, ErrForbidden)
}

func (w *world) check(_ context.Context, r ProviderRequest) (ProviderReport, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, r)
	return w.report, w.checkErr
}

// Validate makes the world its own DomainValidator.
func (w *world) Validate(_ context.Context, c DomainClaim) (DomainProof, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.proven[c.Name] {
		return DomainProof{Proven: true, Method: MethodDNS, Finding: Finding{Field: FieldDomains, Code: CodeDomainProven, Severity: SeverityOK, Message: "ok"}}, nil
	}
	return DomainProof{Method: MethodDNS, Finding: errorFinding(FieldDomains, CodeDomainRecordMissing, "missing")}, nil
}

// acme is a complete draft.
func acme() Draft {
	return Draft{
		Name: "Acme login", Domains: []string{"acme.com, ops.example"}, Authority: "https://login.acme.com", ClientID: "client-1",
		ClientSecret: NewSecret(testSecret), BreakGlass: []string{"admin@acme.com"}, AdditionalScopes: []string{"groups"},
		SCIM: store.SCIMPreferences{Wanted: true, PhoneEditable: true},
	}
}

func (w *world) draft(t testing.TB, tenantID string, d Draft) Connection {
	t.Helper()
	c, _, err := w.CreateDraft(t.Context(), owner, tenantID, d)
	require.NoError(t, err)
	return c
}

func (w *world) submitted(t testing.TB, tenantID string, d Draft) Connection {
	t.Helper()
	c := w.draft(t, tenantID, d)
	c, _, err := w.Submit(t.Context(), owner, tenantID, c.ID, c.Version)
	require.NoError(t, err)
	return c
}

func (w *world) approved(t testing.TB, tenantID string, d Draft) Connection {
	t.Helper()
	c := w.submitted(t, tenantID, d)
	c, _, err := w.Approve(t.Context(), staff, tenantID, c.ID, c.Version)
	require.NoError(t, err)
	return c
}

// prove proves all domains of the connection.
func (w *world) prove(t testing.TB, tenantID string, c Connection) {
	t.Helper()
	for _, d := range c.Domains {
		w.mu.Lock()
		w.proven[d.Name] = true
		w.mu.Unlock()
		got, err := w.CheckDomain(t.Context(), owner, tenantID, d.ID)
		require.NoError(t, err)
		require.Equal(t, store.DomainVerified, got.State)
	}
}

// tested records a successful test sign-in.
func (w *world) tested(t testing.TB, tenantID string, c Connection) Connection {
	t.Helper()
	// The first by name: IDs that tests with other clocks make at the same time may be in any order.
	domain := slices.Min(domainNames(c.Domains))
	c, err := w.RecordTestSignIn(t.Context(), owner, tenantID, c.ID, TestSignIn{ConfigVersion: c.ConfigVersion, Issuer: c.Issuer, Email: "owner@" + domain})
	require.NoError(t, err)
	return c
}

func (w *world) active(t testing.TB, tenantID string, d Draft) Connection {
	t.Helper()
	c := w.approved(t, tenantID, d)
	w.prove(t, tenantID, c)
	c = w.tested(t, tenantID, c)
	c, err := w.Activate(t.Context(), owner, tenantID, c.ID, c.Version, Activation{})
	require.NoError(t, err)
	return c
}

// events returns the types of the tenant's events from the nth on, and checks that no
// event holds a secret.
func (w *world) events(t testing.TB, tenantID string, from int) []string {
	t.Helper()
	all, err := w.store.Events(t.Context(), tenantID, store.EventQuery{})
	require.NoError(t, err)
	data, err := json.Marshal(all)
	require.NoError(t, err)
	require.NotContains(t, string(data), testSecret)
	require.NotContains(t, string(data), "sealedSecret")
	require.NotContains(t, string(data), `"hash":"`)
	require.NotContains(t, string(data), "sealedKey")
	var types []string
	for _, e := range all[min(from, len(all)):] {
		require.NotEmpty(t, e.Actor.Kind)
		requireKnown(t, e.Type)
		types = append(types, e.Type)
	}
	return types
}

// requireKnown wants a type that begins as ours do to be in the catalogue.
func requireKnown(t testing.TB, typ string) {
	t.Helper()
	start, _, _ := strings.Cut(typ, ".")
	ours := false
	for _, known := range EventTypes() {
		if known.Type == typ {
			return
		}
		ours = ours || strings.HasPrefix(known.Type, start+".")
	}
	require.False(t, ours, "EventTypes has no %s", typ)
}

// refusedWith checks the code of an error, and that the tenant is as it was before.
func (w *world) refusedWith(t testing.TB, tenantID, code string, call func() error) {
	t.Helper()
	before := w.state(t, tenantID)
	err := call()
	require.Error(t, err)
	require.Equal(t, code, CodeOf(err), "%v", err)
	require.Equal(t, before, w.state(t, tenantID), "a refused call must write nothing")
}

// state is all that the store has of a tenant's set-up, and how many records of each kind.
func (w *world) state(t testing.TB, tenantID string) []any {
	t.Helper()
	ctx := t.Context()
	w.events(t, tenantID, 0)
	events, err := w.store.Events(ctx, tenantID, store.EventQuery{})
	require.NoError(t, err)
	connections, err := w.store.Connections(ctx, tenantID)
	require.NoError(t, err)
	domains, err := w.store.Domains(ctx, tenantID)
	require.NoError(t, err)
	directories, err := w.store.Directories(ctx, tenantID)
	require.NoError(t, err)
	keys, err := w.store.APIKeys(ctx, tenantID)
	require.NoError(t, err)
	held, err := w.store.Holdings(ctx, tenantID)
	require.NoError(t, err)
	return []any{events, connections, domains, directories, keys, held}
}
