package scim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/scim/internal/filter"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// Config is what a [Handler] is made of. BaseURL (or Regions), Store, Authenticator
// and Policy are required.
type Config struct {
	// BaseURL is the address below which each tenant has its own base URL, such
	// as "https://app.example.com/scim/v2". Locations start with it, whatever a
	// proxy made of the request. With Regions it lies below the current one's base
	// URL, and empty means /scim/v2 there.
	BaseURL string
	// Regions are the host's regions: cursors are bound to the current one. Nil means
	// that there are none.
	Regions *tenant.Regions
	// Store keeps users, groups and the journal.
	Store store.Store
	// Authenticator decides about API keys.
	Authenticator Authenticator
	// Policy has the last word before each write. There is no default: who wants no
	// rules says so with InsecureAllowAll.
	Policy Policy

	// UserExtensions and GroupExtensions come on top of EnterpriseUser.
	UserExtensions, GroupExtensions []Extension
	// ResourceTypes are served beside users and groups.
	ResourceTypes []ResourceType
	// Strict takes the RFCs' form alone: identity providers' ways of speaking
	// (string booleans, operation names in any case, a manager as a string, …) are
	// refused.
	Strict bool
	// BareAuthorization also takes a key that is the whole Authorization header, without
	// "Bearer ": Okta sends what its administrator entered.
	BareAuthorization bool
	// PatchUserNoContent answers a PATCH of a user with 204 instead of 200 and
	// the user, PatchGroupContent one of a group with 200 and the group instead
	// of 204. A request for attributes always gets a body.
	PatchUserNoContent, PatchGroupContent bool

	// MaxBodyBytes bounds a request's body. Zero means 4 MiB.
	MaxBodyBytes int64
	// MaxResourceBytes bounds what one resource comes to, without a group's members. Zero
	// means 256 KiB.
	MaxResourceBytes int
	// MaxOperations bounds a PATCH. Zero means 5000.
	MaxOperations int
	// MaxMembers bounds the members that one request names, not those of a
	// group. Zero means 25000.
	MaxMembers int
	// MaxFilterBytes and MaxFilterDepth bound a filter. Zero means 8 KiB and 50.
	MaxFilterBytes, MaxFilterDepth int
	// DefaultPageSize is the page when a client names no count, MaxPageSize
	// the largest. Zero means 100 and 1000; MaxPageSize is at most store.MaxLimit.
	DefaultPageSize, MaxPageSize int
	// MaxSorted bounds how many resources one request may sort. Zero means 10000.
	MaxSorted int
	// MaxBulkOperations and MaxBulkBytes bound a bulk request. Zero means 1000
	// operations and MaxBodyBytes.
	MaxBulkOperations int
	MaxBulkBytes      int64

	// RequestsPerSecond is what one API key may send to one replica; more is answered
	// 429 with Retry-After. Zero means 100 (Entra wants at least 25).
	RequestsPerSecond int
	// Burst is how many requests may come at once. Zero means five times
	// RequestsPerSecond.
	Burst int
	// InsecureNoRateLimit lets a key send as much as it likes, and wrong keys be tried
	// without end. For conformance suites.
	InsecureNoRateLimit bool

	// Me finds the user that a principal stands for, by the user's ID, and so serves /Me
	// (RFC 7644 section 3.11): for hosts whose Authenticator takes users' own tokens. It
	// returns an error matching store.ErrNotFound for a principal that is no user. Nil
	// answers /Me with 501, because an API key stands for a directory.
	Me func(ctx context.Context, tenantID string, p tenant.Principal) (userID string, err error)

	// RequestLog hears of each request and its answer, with secrets redacted. Nil keeps
	// the last ones of each tenant in memory; [Handler.ReadRequests] returns them. With several
	// replicas it should be a [StoredRequests].
	RequestLog RequestLog
	// Authorizer decides who may read the request log ([tenant.ActionViewRequests]); usually that of tenant.Config. Nil
	// means nobody.
	Authorizer tenant.Authorizer
	// NoRequestLog keeps and tells nothing.
	NoRequestLog bool

	// Written is called after each request of a tenant's directory that may have changed
	// something, so that whoever follows the journal can look at once. It must not
	// block. Nil calls nobody.
	Written func(tenantID string)

	// Origin tells where a request came from, for the journal's events: tenant.PeerOrigin, or tenant.ProxiedOrigin behind
	// proxies. Nil records nothing.
	Origin tenant.OriginFunc
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger hears of failures on our side. Nil discards.
	Logger *slog.Logger
}

const (
	defaultMaxBodyBytes      = 4 << 20
	defaultMaxResourceBytes  = 256 << 10
	defaultMaxOperations     = 5000
	defaultMaxMembers        = 25000
	defaultPageSize          = 100
	defaultMaxSorted         = 10000
	defaultMaxBulkOperations = 1000
)

// fill checks what is required and puts defaults in place.
func (c *Config) fill() (prefix string, err error) {
	if c.BaseURL, err = c.Regions.Base(c.BaseURL, "/scim/v2"); err != nil {
		return "", fmt.Errorf("scim: Config.BaseURL %w", err)
	}
	u, err := url.Parse(c.BaseURL)
	switch {
	case c.BaseURL == "" || err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("scim: Config.BaseURL has to be an absolute address such as %q, got %q", "https://app.example.com/scim/v2", c.BaseURL)
	case c.Store == nil:
		return "", errors.New("scim: Config.Store is required: open one with store/postgres or store/sqlite")
	case c.Authenticator == nil:
		return "", errors.New("scim: Config.Authenticator is required: make it with APIKeys")
	case c.Policy == nil:
		return "", errors.New("scim: Config.Policy is required: package provisioning has one; to serve without rules, say so with InsecureAllowAll")
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	orDefault(&c.MaxBodyBytes, defaultMaxBodyBytes)
	orDefault(&c.MaxResourceBytes, defaultMaxResourceBytes)
	orDefault(&c.MaxOperations, defaultMaxOperations)
	orDefault(&c.MaxMembers, defaultMaxMembers)
	orDefault(&c.MaxPageSize, store.MaxLimit)
	c.MaxPageSize = min(c.MaxPageSize, store.MaxLimit)
	orDefault(&c.DefaultPageSize, defaultPageSize)
	c.DefaultPageSize = min(c.DefaultPageSize, c.MaxPageSize)
	orDefault(&c.MaxSorted, defaultMaxSorted)
	orDefault(&c.MaxBulkOperations, defaultMaxBulkOperations)
	orDefault(&c.MaxBulkBytes, c.MaxBodyBytes)
	orDefault(&c.RequestsPerSecond, defaultRequestsPerSecond)
	orDefault(&c.Burst, 5*c.RequestsPerSecond)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.NoRequestLog {
		c.RequestLog = nil
	} else if c.RequestLog == nil {
		c.RequestLog = &RecentRequests{}
	}
	return strings.TrimRight(u.EscapedPath(), "/"), nil
}

func orDefault[T int | int64](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// resourceTypes makes the built-in and the host's types ready.
func (c *Config) resourceTypes() ([]*resourceType, error) {
	defs := append([]ResourceType{
		{
			Name: "User", Endpoint: "/Users", Description: "User Account", Schema: UserSchema(),
			Extensions: append([]Extension{{Schema: EnterpriseUserSchema()}}, c.UserExtensions...),
		},
		{Name: "Group", Endpoint: "/Groups", Description: "Group of users", Schema: GroupSchema(), Extensions: c.GroupExtensions},
	}, c.ResourceTypes...)
	own, _ := c.Store.(store.SCIMResourceStore)
	taken := map[string]bool{}
	for _, reserved := range []string{"serviceproviderconfig", "schemas", "resourcetypes", "bulk", "me", ".search"} {
		taken["/"+reserved] = true
	}
	out := make([]*resourceType, 0, len(defs))
	for i, def := range defs {
		rt, err := newResourceType(def)
		if err != nil {
			return nil, err
		}
		for _, key := range []string{strings.ToLower(def.Name), strings.ToLower(def.Endpoint), strings.ToLower(def.Schema.ID)} {
			if taken[key] {
				return nil, fmt.Errorf("scim: resource type %s: %q is taken", def.Name, key)
			}
			taken[key] = true
		}
		if i >= 2 && rt.Store == nil {
			if rt.Store = own; own == nil {
				return nil, fmt.Errorf("scim: resource type %s needs a Store, because Config.Store has no store.SCIMResourceStore", def.Name)
			}
		}
		out = append(out, rt)
	}
	return out, nil
}

// urns lists the schemas that paths and filters may name.
func urns(types []*resourceType) (out []string) {
	seen := map[string]bool{}
	for _, rt := range types {
		for _, c := range rt.containers() {
			if key := strings.ToLower(c.urn); !seen[key] {
				seen[key] = true
				out = append(out, c.urn)
			}
		}
	}
	return out
}

func (c *Config) parser(types []*resourceType) *filter.Parser {
	return filter.NewParser(filter.Config{URNs: urns(types), MaxBytes: c.MaxFilterBytes, MaxDepth: c.MaxFilterDepth})
}
