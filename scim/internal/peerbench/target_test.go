package peerbench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	elimity "github.com/elimity-com/scim"
	"github.com/elimity-com/scim/schema"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

const base = "https://app.example.com/scim/v2"

// target is a service provider that requests are sent to.
type target struct {
	name    string
	prefix  string // path of the base URL
	key     string
	handler http.Handler
	store   store.Store // of ours

	users  []string // IDs, in the order of their numbers
	groups []string // what the operation works on
	next   atomic.Int64
}

// openers make empty targets: ours first, then its peers.
var openers = []func() *target{ours, naive, indexed}

// must ends the program at an error: nothing is measured on half a target.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// noAccounts is a host without accounts: package provisioning's policy asks it for
// these two things alone.
type noAccounts struct{ provisioning.Target }

func (noAccounts) RootAccount(context.Context, store.Store, string) (string, error) {
	return "root", nil
}

func (noAccounts) AccountByEmail(context.Context, store.Store, string, string) (provisioning.AccountState, error) {
	return provisioning.AccountState{}, store.ErrNotFound
}

func ours() *target {
	st := memory.New()
	tenants, key := acme(st)
	policy := must(provisioning.NewPolicy(provisioning.PolicyConfig{Store: st, Target: noAccounts{}}))
	h := must(scim.NewHandler(scim.Config{
		BaseURL: base, Store: st, Authenticator: scim.APIKeys(tenants), Policy: policy,
		RequestsPerSecond: 1_000_000, Written: func(string) {},
	}))
	return &target{name: "ours", prefix: "/scim/v2/acme", key: key, handler: h, store: st}
}

// acme is a tenant with a verified domain, a directory and a key for it.
func acme(st store.Store) (*tenant.Service, string) {
	ctx, now := context.Background(), time.Now()
	meta := func() store.Meta { return store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now} }
	c := must(st.CreateConnection(ctx, "acme", store.Connection{Meta: meta(), State: store.ConnectionActive}))
	must(st.CreateDomain(ctx, "acme", store.Domain{Meta: meta(), ConnectionID: c.ID, Name: "example.com", State: store.DomainVerified}))
	must(st.CreateDirectory(ctx, "acme", store.Directory{Meta: meta(), ConnectionID: c.ID, Enabled: true}))

	unused := errors.New("nothing here signs anybody in")
	tenants := must(tenant.New(tenant.Config{
		Store:           st,
		Keyring:         must(tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k", Bytes: bytes.Repeat([]byte{1}, 32)}}})),
		DomainValidator: must(tenant.NewDNSValidator(tenant.DNSConfig{})),
		Tenants:         tenant.TenantsFunc(func(context.Context, string) (tenant.Tenant, error) { return nil, unused }),
		Authorizer:      tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
			return tenant.ProviderReport{}, unused
		}),
	}))
	owner := tenant.Actor{Kind: tenant.ActorOwner, ID: "owner"}
	secret, _, err := tenants.CreateAPIKey(ctx, owner, "acme", tenant.NewAPIKey{Name: "Directory"})
	return tenants, must(secret, err).Reveal()
}

func naive() *target {
	groups := newCollection(schema.CoreGroupSchema())
	groups.quiet = true
	return peer("naive", newCollection(schema.CoreUserSchema(), schema.ExtensionEnterpriseUser()), groups)
}

func indexed() *target {
	users := newCollection(schema.CoreUserSchema(), schema.ExtensionEnterpriseUser())
	users.indexed = true
	return peer("indexed", users, newGroupSets())
}

func peer(name string, users, groups elimity.ResourceHandler) *target {
	h := must(elimity.NewServer(&elimity.ServerArgs{
		ServiceProviderConfig: &elimity.ServiceProviderConfig{MaxResults: 1000, SupportFiltering: true, SupportPatch: true},
		ResourceTypes: []elimity.ResourceType{
			{
				Name: "User", Endpoint: "/Users", Schema: schema.CoreUserSchema(), Handler: users,
				SchemaExtensions: []elimity.SchemaExtension{{Schema: schema.ExtensionEnterpriseUser()}},
			},
			{Name: "Group", Endpoint: "/Groups", Schema: schema.CoreGroupSchema(), Handler: groups},
		},
	}, elimity.WithBaseURL("https://app.example.com/v2")))
	return &target{name: name, prefix: "/v2", key: "key", handler: h}
}

// floor answers everything with a body of this size: what net/http, the kernel and the
// client cost.
func floor(name string, size int) *target {
	body := bytes.Repeat([]byte{'x'}, size)
	return &target{name: name, handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/scim+json")
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, _ = w.Write(body)
	})}
}

// sink is a ResponseWriter that counts.
type sink struct {
	header http.Header
	status int
	size   int
	keep   *bytes.Buffer // nil drops the body
}

func (s *sink) Header() http.Header { return s.header }

func (s *sink) WriteHeader(status int) { s.status = status }

func (s *sink) Write(p []byte) (int, error) {
	s.size += len(p)
	if s.keep != nil {
		s.keep.Write(p)
	}
	return len(p), nil
}

// serve sends a message to the handler without a network.
func (t *target) serve(m *message, keep *bytes.Buffer) *sink {
	w := &sink{header: http.Header{}, status: http.StatusOK, keep: keep}
	t.handler.ServeHTTP(w, t.request(m))
	return w
}

func (t *target) request(m *message) *http.Request {
	path, query, _ := strings.Cut(t.prefix+string(m.path), "?")
	r := (&http.Request{
		Method: m.method, URL: &url.URL{Path: path, RawQuery: query}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Authorization": {"Bearer " + t.key}}, Body: http.NoBody, RemoteAddr: "127.0.0.1:1",
	}).WithContext(context.Background())
	if len(m.body) > 0 {
		r.Header["Content-Type"] = []string{"application/scim+json"}
		r.Body, r.ContentLength = readCloser{bytes.NewReader(m.body)}, int64(len(m.body))
	}
	return r
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// create sends a POST and returns the new resource's ID.
func (t *target) create(m *message) string {
	w := t.serve(m, nil)
	if w.status != http.StatusCreated {
		panic(fmt.Sprintf("%s: POST %s: status %d", t.name, m.path, w.status))
	}
	location := w.header.Get("Location")
	return location[strings.LastIndexByte(location, '/')+1:]
}

// seed creates the first users.
func (t *target) seed(users int) {
	var m message
	for i := range users {
		newUser(&m, i)
		t.users = append(t.users, t.create(&m))
	}
}

// group creates a group of the first users.
func (t *target) group(members int) string {
	var m message
	m.start("POST")
	m.path = append(m.path, "/Groups"...)
	m.body = append(m.body, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Group","members":[`...)
	for i, id := range t.users[:members] {
		if i > 0 {
			m.body = append(m.body, ',')
		}
		m.body = fmt.Appendf(m.body, `{"value":%q}`, id)
	}
	m.body = append(m.body, "]}"...)
	return t.create(&m)
}

// drop deletes the groups that an operation worked on.
func (t *target) drop() {
	for _, id := range t.groups {
		var m message
		m.start("DELETE")
		m.path = append(append(m.path, "/Groups/"...), id...)
		if w := t.serve(&m, nil); w.status != http.StatusNoContent {
			panic(fmt.Sprintf("%s: DELETE %s: status %d", t.name, m.path, w.status))
		}
	}
	t.groups = nil
}
