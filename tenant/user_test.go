package tenant

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/store/storetest"
)

// crowd is a tenant with somebody of every kind.
type crowd struct {
	*world
	c     Connection
	d     store.Directory
	hosts []HostUser
	calls int
}

func (c *crowd) Users(_ context.Context, tenantID, after string, limit int) ([]HostUser, error) {
	c.calls++
	if tenantID != "t1" {
		return nil, nil
	}
	i := slices.IndexFunc(c.hosts, func(u HostUser) bool { return u.ID > after })
	if i < 0 {
		return nil, nil
	}
	return c.hosts[i:min(len(c.hosts), i+limit)], nil
}

func newCrowd(t testing.TB, change ...func(*Config)) *crowd {
	t.Helper()
	c := &crowd{}
	c.world = newWorld(t, append([]func(*Config){func(cfg *Config) { cfg.Users = c }}, change...)...)
	c.c = c.active(t, "t1", acme())
	dirs, err := c.Directories(t.Context(), owner, "t1")
	require.NoError(t, err)
	c.d = dirs[0]

	c.person(t, "a-root", HostUser{Email: "root@acme.com", Name: "Rita Root", Root: true}, "", "", "")
	c.person(t, "b-glass", HostUser{Email: "Admin@acme.com", Name: "Glass"}, "", "", "glass-sub")
	c.person(t, "c-invited", HostUser{Email: "new@acme.com", State: UserInvited, Source: store.SourceInvitation}, "", "", "")
	c.person(t, "d-jit", HostUser{Email: "jit@acme.com"}, store.SourceOIDC, "", "jit-sub")
	c.person(t, "e-scim", HostUser{Email: "ada@acme.com"}, store.SourceSCIM, "s1", "ada-sub")
	c.person(t, "f-converted", HostUser{Email: "conv@acme.com", Source: store.SourceInvitation}, store.SourceConverted, "s2", "")
	c.person(t, "g-left", HostUser{Email: "left@acme.com", State: UserSuspended}, store.SourceSCIM, "", "")
	c.person(t, "h-off", HostUser{Email: "off@acme.com"}, store.SourceSCIM, "s3", "")
	c.person(t, "i-gone", HostUser{}, store.SourceOIDC, "", "gone-sub") // the host has it no more
	c.scim(t, "s4", "waiting@acme.com", true)                           // no account
	c.scim(t, "s5", "never@acme.com", false)
	return c
}

func (c *crowd) scim(t testing.TB, id, email string, active bool) {
	t.Helper()
	at := c.clock().Add(time.Hour)
	_, err := c.store.CreateSCIMUser(t.Context(), "t1", store.SCIMUser{
		Meta: store.Meta{ID: id, CreatedAt: at, UpdatedAt: at}, UserName: email, ExternalID: "x-" + id, Active: active,
		Body: fmt.Appendf(nil, `{"name":{"givenName":"Ada","familyName":"Lovelace %s"},"emails":[{"value":"other@acme.com"},{"value":%q,"primary":true}]}`, id, email),
	})
	require.NoError(t, err)
}

// person adds somebody: to the host if there is an address, with a record if there is a source, with a provisioned user and a
// link if they are given.
func (c *crowd) person(t testing.TB, id string, h HostUser, source store.AccountSource, scimID, subject string) {
	t.Helper()
	if h.Email != "" {
		h.ID = id
		c.hosts = append(c.hosts, h)
	}
	active := id != "h-off"
	if scimID != "" {
		c.scim(t, scimID, h.Email, active)
	}
	if source != "" {
		_, err := c.store.CreateAccount(t.Context(), "t1", store.Account{
			Meta: store.Meta{ID: id, CreatedAt: c.clock(), UpdatedAt: c.clock()}, Source: source, SCIMUserID: scimID, Active: active && h.State != UserSuspended, Email: id + "@record.example",
		})
		require.NoError(t, err)
	}
	if subject != "" {
		_, err := c.store.CreateIdentity(t.Context(), "t1", store.Identity{
			Meta: store.Meta{ID: store.NewID(c.clock())}, ConnectionID: c.c.ID, Issuer: c.c.Issuer, Subject: subject, AccountID: id, Email: id + "@idp.example", LastSignInAt: c.clock(),
		})
		require.NoError(t, err)
	}
}

// all walks the list.
func (c *crowd) all(t testing.TB, q UserQuery) []AssociatedUser {
	t.Helper()
	var out []AssociatedUser
	for {
		page, err := c.AssociatedUsers(t.Context(), owner, "t1", q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Users), q.limit())
		out = append(out, page.Users...)
		if page.Next == "" {
			return out
		}
		require.NotEqual(t, q.After, page.Next)
		q.After = page.Next
	}
}

func names(users []AssociatedUser) []string {
	var out []string
	for _, u := range users {
		out = append(out, first(u.AccountID, u.SCIMUserID))
	}
	return out
}

var everybody = []string{"a-root", "b-glass", "c-invited", "d-jit", "e-scim", "f-converted", "g-left", "h-off", "i-gone", "s4", "s5"}

func TestAssociatedUsers(t *testing.T) {
	c := newCrowd(t)
	users := c.all(t, UserQuery{})
	require.Equal(t, everybody, names(users))
	by := map[string]AssociatedUser{}
	for _, u := range users {
		by[first(u.AccountID, u.SCIMUserID)] = u
	}
	type want struct {
		sources []store.AccountSource
		state   UserState
	}
	for id, w := range map[string]want{
		"a-root":      {[]store.AccountSource{store.SourceManual}, UserActive},
		"b-glass":     {[]store.AccountSource{store.SourceManual}, UserActive},
		"c-invited":   {[]store.AccountSource{store.SourceInvitation}, UserInvited},
		"d-jit":       {[]store.AccountSource{store.SourceOIDC}, UserActive},
		"e-scim":      {[]store.AccountSource{store.SourceSCIM}, UserActive},
		"f-converted": {[]store.AccountSource{store.SourceConverted, store.SourceInvitation}, UserActive},
		"g-left":      {[]store.AccountSource{store.SourceSCIM}, UserSuspended},
		"h-off":       {[]store.AccountSource{store.SourceSCIM}, UserSuspended},
		"i-gone":      {[]store.AccountSource{store.SourceOIDC}, UserActive},
		"s4":          {[]store.AccountSource{store.SourceSCIM}, UserPending},
		"s5":          {[]store.AccountSource{store.SourceSCIM}, UserSuspended},
	} {
		require.Equal(t, w, want{by[id].Sources, by[id].State}, id)
		require.Equal(t, id == "a-root", by[id].Root, id)
		require.Equal(t, id == "b-glass", by[id].BreakGlass, id)
		provisioned := slices.Contains([]string{"e-scim", "f-converted", "h-off", "s4", "s5"}, id)
		require.Equal(t, provisioned, by[id].Lock != nil, id)
		require.Equal(t, provisioned || id == "g-left", !by[id].LastSync.IsZero(), id)
	}
	ada := by["e-scim"]
	require.Equal(t, AssociatedUser{
		AccountID: "e-scim", SCIMUserID: "s1", ExternalID: "x-s1", UserName: "ada@acme.com", Email: "ada@acme.com", Name: "Ada Lovelace s1",
		Sources: []store.AccountSource{store.SourceSCIM}, State: UserActive, DirectoryActive: true,
		Identities: []UserIdentity{{ConnectionID: c.c.ID, Connection: "Acme login", Issuer: c.c.Issuer, Subject: "ada-sub", Email: "e-scim@idp.example", LastSignInAt: c.clock()}},
		LastSync:   c.clock().Add(time.Hour), LastSignIn: c.clock(),
		Lock: &UserLock{DirectoryID: c.d.ID, ConnectionID: c.c.ID, Manager: "Acme login", Enabled: true, Message: lockMessage("Acme login", true)},
	}, ada)
	require.Equal(t, "waiting@acme.com", by["s4"].Email, "the primary address")
	require.Equal(t, "i-gone@record.example", by["i-gone"].Email)

	_, err := c.DisableSCIM(t.Context(), owner, "t1", c.d.ID, c.d.Version, true)
	require.NoError(t, err)
	require.Contains(t, c.all(t, UserQuery{Search: "ada"})[0].Lock.Message, "switched off")
	other, err := c.AssociatedUsers(t.Context(), owner, "t2", UserQuery{})
	require.NoError(t, err)
	require.Empty(t, other)
}

func TestAssociatedUsersPages(t *testing.T) {
	for limit := 1; limit <= len(everybody)+1; limit++ {
		c := newCrowd(t)
		require.Equal(t, everybody, names(c.all(t, UserQuery{Limit: limit})), "%d at a time", limit)
		page, err := c.AssociatedUsers(t.Context(), owner, "t1", UserQuery{Limit: limit})
		require.NoError(t, err)
		require.Equal(t, limit >= len(everybody), page.Next == "", "a full last page has no next one")
	}
	// A person who appears before the place of the walk is not on it, one behind it is.
	c := newCrowd(t)
	page, err := c.AssociatedUsers(t.Context(), owner, "t1", UserQuery{Limit: 4})
	require.NoError(t, err)
	c.person(t, "aa", HostUser{}, store.SourceOIDC, "", "")
	c.person(t, "dd", HostUser{}, store.SourceOIDC, "", "")
	require.NoError(t, c.store.DeleteAccount(t.Context(), "t1", "d-jit", 0))
	c.hosts = slices.DeleteFunc(c.hosts, func(u HostUser) bool { return u.ID == "d-jit" })
	rest := names(c.all(t, UserQuery{After: page.Next, Limit: 3}))
	require.Equal(t, append([]string{"dd"}, everybody[4:]...), rest)
}

func TestAssociatedUsersFilters(t *testing.T) {
	c := newCrowd(t)
	for name, tt := range map[string]struct {
		q    UserQuery
		want []string
	}{
		"manual":           {UserQuery{Source: store.SourceManual}, []string{"a-root", "b-glass"}},
		"invitation":       {UserQuery{Source: store.SourceInvitation}, []string{"c-invited", "f-converted"}},
		"just in time":     {UserQuery{Source: store.SourceOIDC}, []string{"d-jit", "i-gone"}},
		"provisioned":      {UserQuery{Source: store.SourceSCIM}, []string{"e-scim", "g-left", "h-off", "s4", "s5"}},
		"converted":        {UserQuery{Source: store.SourceConverted}, []string{"f-converted"}},
		"suspended":        {UserQuery{State: UserSuspended}, []string{"g-left", "h-off", "s5"}},
		"invited":          {UserQuery{State: UserInvited}, []string{"c-invited"}},
		"pending":          {UserQuery{State: UserPending}, []string{"s4"}},
		"two conditions":   {UserQuery{State: UserSuspended, Source: store.SourceSCIM, Search: "off"}, []string{"h-off"}},
		"connection":       {UserQuery{ConnectionID: c.c.ID}, []string{"b-glass", "d-jit", "e-scim", "f-converted", "h-off", "i-gone", "s4", "s5"}},
		"directory":        {UserQuery{DirectoryID: c.d.ID}, []string{"e-scim", "f-converted", "h-off", "s4", "s5"}},
		"other directory":  {UserQuery{DirectoryID: "x"}, nil},
		"address":          {UserQuery{Search: " ADA@"}, []string{"e-scim"}},
		"word of a name":   {UserQuery{Search: "love"}, []string{"e-scim", "f-converted", "h-off", "s4", "s5"}},
		"whole name":       {UserQuery{Search: "rita r"}, []string{"a-root"}},
		"address at IdP":   {UserQuery{Search: "d-jit@idp"}, []string{"d-jit"}},
		"not in the midst": {UserQuery{Search: "cme.com"}, nil},
		"no wildcard":      {UserQuery{Search: "%"}, nil},
	} {
		for _, limit := range []int{0, 1} {
			tt.q.Limit = limit
			require.Equal(t, tt.want, names(c.all(t, tt.q)), name)
		}
	}
}

func TestAssociatedUsersRefusals(t *testing.T) {
	c := newCrowd(t)
	for code, q := range map[string]UserQuery{
		CodeFilterInvalid: {Source: "everything"}, CodeTooLong: {Search: strings.Repeat("a", 257)}, CodeCursorInvalid: {After: "zAA"},
	} {
		c.refusedWith(t, "t1", code, func() error { _, err := c.AssociatedUsers(t.Context(), owner, "t1", q); return err })
	}
	for _, cursor := range []string{"a", "e", "a%%", "aYQ=", "é", "a" + strings.Repeat("A", 5000), "s", "l"} {
		_, err := c.AssociatedUsers(t.Context(), owner, "t1", UserQuery{After: cursor})
		if err != nil {
			require.Equal(t, CodeCursorInvalid, CodeOf(err), cursor)
		}
	}
	c.refusedWith(t, "t1", CodeFilterInvalid, func() error {
		_, err := c.AssociatedUsers(t.Context(), owner, "t1", UserQuery{State: "drunk"})
		return err
	})
	for _, bad := range []HostUsersFunc{
		func(context.Context, string, string, int) ([]HostUser, error) {
			return []HostUser{{ID: "b"}, {ID: "a"}}, nil
		},
		func(context.Context, string, string, int) ([]HostUser, error) {
			return []HostUser{{ID: "a"}, {ID: "a"}}, nil
		},
		func(_ context.Context, _, _ string, limit int) ([]HostUser, error) {
			return make([]HostUser, limit+1), nil
		},
	} {
		w := newWorld(t, func(cfg *Config) { cfg.Users = bad })
		_, err := w.AssociatedUsers(t.Context(), owner, "t1", UserQuery{})
		require.ErrorContains(t, err, "Config.Users returned", "a host that sorts by language would hide people")
	}
	w := newWorld(t, func(cfg *Config) {
		cfg.Users = HostUsersFunc(func(context.Context, string, string, int) ([]HostUser, error) { return nil, context.DeadlineExceeded })
	})
	_, err := w.CountAssociatedUsers(t.Context(), owner, "t1")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// TestAssociatedUsersWithoutHost lists who can be known without the host's help, and from a store that can do the least.
func TestAssociatedUsersWithoutHost(t *testing.T) {
	c := newCrowd(t, func(cfg *Config) { cfg.Users = nil })
	_, err := c.store.CreateIdentity(t.Context(), "t1", store.Identity{Meta: store.Meta{ID: store.NewID(c.clock())}, ConnectionID: "another", Issuer: "i", Subject: "s", AccountID: "b-glass"})
	require.NoError(t, err)
	for limit := 1; limit < 12; limit++ {
		users := c.all(t, UserQuery{Limit: limit})
		require.Equal(t, []string{"d-jit", "e-scim", "f-converted", "g-left", "h-off", "i-gone", "s4", "s5", "b-glass"}, names(users))
		glass := users[len(users)-1]
		require.Equal(t, []store.AccountSource{store.SourceManual}, glass.Sources)
		require.Len(t, glass.Identities, 2, "one line for both links")
		require.Equal(t, UserActive, glass.State)
	}

	bare := newCrowd(t, func(cfg *Config) { cfg.Store = storetest.Bare(cfg.Store) })
	require.Equal(t, everybody, names(bare.all(t, UserQuery{Limit: 3})), "from a store that has no optional interface")
	require.Len(t, bare.all(t, UserQuery{Search: "ada@"})[0].Identities, 1)
	least := newCrowd(t, func(cfg *Config) { cfg.Users, cfg.Store = nil, storetest.Bare(cfg.Store) })
	require.Equal(t, []string{"d-jit", "e-scim", "f-converted", "g-left", "h-off", "i-gone", "s4", "s5"}, names(least.all(t, UserQuery{Limit: 3})))
}

// counting counts what a page reads.
type counting struct {
	*memory.Store
	reads, rows int
}

func (c *counting) Accounts(ctx context.Context, t string, q store.Query) (store.Page[store.Account], error) {
	p, err := c.Store.Accounts(ctx, t, q)
	c.reads, c.rows = c.reads+1, c.rows+len(p.Items)
	return p, err
}

func (c *counting) SCIMUsers(ctx context.Context, t string, q store.Query) (store.Page[store.SCIMUser], error) {
	p, err := c.Store.SCIMUsers(ctx, t, q)
	c.reads, c.rows = c.reads+1, c.rows+len(p.Items)
	return p, err
}

func (c *counting) IdentitiesOf(ctx context.Context, t, id string) ([]store.Identity, error) {
	c.reads++
	return c.Store.IdentitiesOf(ctx, t, id)
}

func (c *counting) IdentitiesOfAccounts(ctx context.Context, t string, ids []string) ([]store.Identity, error) {
	l, err := c.Store.IdentitiesOfAccounts(ctx, t, ids)
	c.reads, c.rows = c.reads+1, c.rows+len(l)
	return l, err
}

func (c *counting) AccountsOfSCIMUsers(ctx context.Context, t string, ids []string) ([]store.Account, error) {
	l, err := c.Store.AccountsOfSCIMUsers(ctx, t, ids)
	c.reads, c.rows = c.reads+1, c.rows+len(l)
	return l, err
}

func (c *counting) Account(ctx context.Context, t, id string) (store.Account, error) {
	c.reads++
	return c.Store.Account(ctx, t, id)
}

func (c *counting) AccountOfSCIMUser(ctx context.Context, t, id string) (store.Account, error) {
	c.reads++
	return c.Store.AccountOfSCIMUser(ctx, t, id)
}

// manyUsers makes a tenant of n people whom a directory provisioned and who signed in.
func manyUsers(tb testing.TB, n int) (*world, *counting) {
	tb.Helper()
	st := &counting{Store: memory.New()}
	w := newWorld(tb, func(cfg *Config) { cfg.Store = st })
	w.store = st.Store
	ctx := tb.Context()
	for i := range n {
		id := fmt.Sprintf("%06d", i)
		meta := store.Meta{ID: "s" + id, CreatedAt: w.clock(), UpdatedAt: w.clock()}
		_, err := st.CreateSCIMUser(ctx, "t1", store.SCIMUser{Meta: meta, UserName: "user" + id, Active: true, Body: fmt.Appendf(nil, `{"displayName":"User %s"}`, id)})
		require.NoError(tb, err)
		meta.ID = "a" + id
		_, err = st.CreateAccount(ctx, "t1", store.Account{Meta: meta, Source: store.SourceSCIM, Active: true, SCIMUserID: "s" + id, Email: "user" + id + "@acme.com"})
		require.NoError(tb, err)
		_, err = st.CreateIdentity(ctx, "t1", store.Identity{Meta: store.Meta{ID: "i" + id}, ConnectionID: "c", Issuer: "i", Subject: id, AccountID: "a" + id})
		require.NoError(tb, err)
	}
	st.reads, st.rows = 0, 0
	return w, st
}

// TestAssociatedUsersReadLittle: a page's reads do not depend on the size of the tenant, nor on the number of people on it.
func TestAssociatedUsersReadLittle(t *testing.T) {
	for _, n := range []int{100, 3000} {
		w, st := manyUsers(t, n)
		page, err := w.AssociatedUsers(t.Context(), owner, "t1", UserQuery{})
		require.NoError(t, err)
		require.Len(t, page.Users, UsersLimit)
		require.Equal(t, 3, st.reads, "accounts, provisioned users, links")
		require.Equal(t, 3*(UsersLimit+1), st.rows)
	}
	w, st := manyUsers(t, usersScan+1500)
	page, err := w.AssociatedUsers(t.Context(), owner, "t1", UserQuery{Search: "nobody"})
	require.NoError(t, err)
	require.Empty(t, page.Users)
	require.NotEmpty(t, page.Next, "it stopped")
	require.Equal(t, 3*usersScan, st.rows)
	page, err = w.AssociatedUsers(t.Context(), owner, "t1", UserQuery{Search: "user006400"})
	require.NoError(t, err)
	require.Empty(t, page.Users)
	page, err = w.AssociatedUsers(t.Context(), owner, "t1", UserQuery{Search: "user006400", After: page.Next})
	require.NoError(t, err)
	require.Len(t, page.Users, 1)
}

func BenchmarkAssociatedUsers(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		w, _ := manyUsers(b, n)
		b.Run(fmt.Sprintf("page of 50 of %d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.AssociatedUsers(b.Context(), owner, "t1", UserQuery{After: userCursor{part: partAccounts, after: fmt.Sprintf("a%06d", n/3)}.String()}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestCountAssociatedUsers(t *testing.T) {
	c := newCrowd(t)
	got, err := c.CountAssociatedUsers(t.Context(), owner, "t1")
	require.NoError(t, err)
	require.Equal(t, UserCounts{
		Total: 11, Exact: true,
		ByState:  map[UserState]int{UserActive: 6, UserInvited: 1, UserSuspended: 3, UserPending: 1},
		BySource: map[store.AccountSource]int{store.SourceManual: 2, store.SourceInvitation: 2, store.SourceOIDC: 2, store.SourceSCIM: 5, store.SourceConverted: 1},
	}, got)
}
