package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

func (w *world) policy(change ...func(*PolicyConfig)) *Policy {
	cfg := PolicyConfig{Store: w.st, Target: w.host, Now: w.clock.Now}
	for _, fn := range change {
		fn(&cfg)
	}
	p, err := NewPolicy(cfg)
	require.NoError(w, err)
	return p
}

func create(body string) tenant.DirectoryWrite {
	return tenant.DirectoryWrite{TenantID: org, ResourceType: "User", After: json.RawMessage(body)}
}

func TestPolicy(t *testing.T) {
	w := newWorld(t)
	w.user("ada")
	w.sync()
	w.host.addUser("u-eve", "Eve@acme.example", "member")
	w.host.addUser("u-idn", "eve@xn--bcher-kva.example", "member")
	w.host.addUser("u-ok", "ok@acme.example", "member")
	plan, err := w.e.PlanConversion(t.Context(), owner, org, Conversion{Entries: []string{"u-ok"}})
	require.NoError(t, err)
	_, err = w.e.ApproveConversion(t.Context(), owner, org, Conversion{Entries: []string{"u-ok"}}, plan.Hash)
	require.NoError(t, err)
	_, err = w.st.CreateDomain(t.Context(), org, store.Domain{Meta: w.meta("d2"), Name: "pending.example", State: store.DomainPending})
	require.NoError(t, err)
	_, err = w.st.CreateDomain(t.Context(), org, store.Domain{Meta: w.meta("d3"), Name: "xn--bcher-kva.example", State: store.DomainVerified, Subdomains: true})
	require.NoError(t, err)

	_, err = w.st.CreateDomain(t.Context(), "globex", store.Domain{Meta: w.meta("d4"), Name: "labs.xn--bcher-kva.example", State: store.DomainVerified})
	require.NoError(t, err)

	update := func(before, after string) tenant.DirectoryWrite {
		return tenant.DirectoryWrite{TenantID: org, ResourceType: "User", ID: w.ids["ada"], Before: json.RawMessage(before), After: json.RawMessage(after)}
	}
	ada := string(userBody("ada@acme.example", true))
	tests := []struct {
		name string
		give tenant.DirectoryWrite
		code string
	}{
		{"a new user of the domain", create(`{"userName":"new@acme.example"}`), ""},
		{"without any address", create(`{"userName":"new"}`), ""},
		{"the root user", create(`{"userName":"ROOT@acme.example"}`), "root_user"},
		{"the root user by e-mail", create(`{"userName":"x@acme.example","emails":[{"value":"root@acme.example"}]}`), "root_user"},
		{"the root user by name alone", create(`{"userName":"Root@ACME.example","emails":[{"value":"x@acme.example"}]}`), "root_user"},
		{"the root user, the domain in full-width letters", create(`{"userName":"x","emails":[{"value":"root@ａcme.example"}]}`), "root_user"},
		{"an account by hand, the domain in Unicode", create(`{"userName":"x","emails":[{"value":"eve@Bücher.example"}]}`), "account_exists"},
		{"two domains", create(`{"userName":"x","emails":[{"value":"x@evil.example@acme.example"}]}`), "domain_not_verified"},
		{"a dot at the end", create(`{"userName":"x","emails":[{"value":"root@acme.example."}]}`), "domain_not_verified"},
		{"a line break", create(`{"userName":"x","emails":[{"value":"x@evil.example\r\nBcc: y@acme.example"}]}`), "domain_not_verified"},
		{"an account by hand", create(`{"userName":"eve@acme.example"}`), "account_exists"},
		{"an approved account", create(`{"userName":"OK@acme.example"}`), ""},
		{"another user's account", create(`{"userName":"ada2@acme.example","emails":[{"value":"ada@acme.example"}]}`), "account_taken"},
		{"a foreign domain", create(`{"userName":"x@evil.example"}`), "domain_not_verified"},
		{"a domain that only looks like ours", create(`{"userName":"x@acme.example.evil.example"}`), "domain_not_verified"},
		{"an end that is no label", create(`{"userName":"x@notacme.example"}`), "domain_not_verified"},
		{"a domain that waits for its proof", create(`{"userName":"x@pending.example"}`), "domain_not_verified"},
		{"a sub-domain not opted in", create(`{"userName":"x@ops.acme.example"}`), "domain_not_verified"},
		{"a sub-domain opted in, in Unicode", create(`{"userName":"x@ops.Bücher.example"}`), ""},
		{"a sub-domain that another tenant proved", create(`{"userName":"x@labs.Bücher.example"}`), "domain_not_verified"},
		{"below a sub-domain that another tenant proved", create(`{"userName":"x@a.labs.Bücher.example"}`), "domain_not_verified"},
		{"a foreign primary address", create(`{"userName":"x@acme.example","emails":[{"value":"x@evil.example","primary":true}]}`), "domain_not_verified"},
		{"a foreign user name", create(`{"userName":"x@evil.example","emails":[{"value":"x@acme.example"}]}`), "domain_not_verified"},
		{"a private second address", create(`{"userName":"x@acme.example","emails":[{"value":"x@acme.example","type":"work"},{"value":"x@home.example","type":"home"}]}`), ""},
		{"a change without a new address", update(ada, `{"userName":"ada@acme.example","title":"Dr"}`), ""},
		{"a change to a foreign address", update(ada, `{"userName":"ada@acme.example","emails":[{"value":"ada@evil.example"}]}`), "domain_not_verified"},
		{"a change to the root user's", update(ada, `{"userName":"root@acme.example"}`), "root_user"},
		{"a change to somebody's", update(ada, `{"userName":"eve@acme.example"}`), "account_exists"},
		{"a change of case", update(ada, `{"userName":"ADA@acme.example"}`), ""},
		{"a foreign address that was there before", update(`{"userName":"a@old.example"}`, `{"userName":"a@old.example","title":"x"}`), ""},
		{"deprovisioning", tenant.DirectoryWrite{TenantID: org, ResourceType: "User", ID: w.ids["ada"], Before: json.RawMessage(ada), After: json.RawMessage(`{"userName":"x@evil.example","active":false}`), Deprovisioning: true}, ""},
		{"a group", tenant.DirectoryWrite{TenantID: org, ResourceType: "Group", After: json.RawMessage(`{"displayName":"x"}`)}, ""},
	}
	p := w.policy()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := p.Check(t.Context(), tt.give)
			if tt.code == "" {
				require.NoError(t, err)
				return
			}
			var r *tenant.Refusal
			require.ErrorAs(t, err, &r)
			require.Equal(t, tt.code, r.Code)
			if tt.code == "domain_not_verified" {
				require.Equal(t, 400, r.Status)
				require.Contains(t, r.Detail, "acme.example, xn--bcher-kva.example")
				return
			}
			require.Equal(t, 409, r.Status)
			require.Equal(t, "uniqueness", r.SCIMType)
		})
	}
}

// TestPolicyRefusesBreakGlass: R45. A directory has no user of a break-glass address, by e-mail or user name, in whatever
// spelling, unless the host allows it; one that was provisioned before stays, and can go.
func TestPolicyRefusesBreakGlass(t *testing.T) {
	w := newWorld(t)
	w.user("ada")
	_, err := w.st.CreateConnection(t.Context(), org, store.Connection{Meta: w.meta("draft"), State: store.ConnectionDraft, BreakGlass: []string{"draft@acme.example"}})
	require.NoError(t, err)
	change := func(before, after string) tenant.DirectoryWrite {
		return tenant.DirectoryWrite{TenantID: org, ResourceType: "User", ID: w.ids["ada"], Before: json.RawMessage(before), After: json.RawMessage(after)}
	}
	refused := map[string]tenant.DirectoryWrite{
		"the user name":       create(`{"userName":"Glass@ACME.example"}`),
		"the e-mail address":  create(`{"userName":"x","emails":[{"value":" glass@acme.example"}]}`),
		"the user name alone": create(`{"userName":"glass@acme.example","emails":[{"value":"x@acme.example"}]}`),
		"full-width letters":  create(`{"userName":"x","emails":[{"value":"glass@ａcme.example"}]}`),
		"a change of address": change(`{"userName":"ada@acme.example"}`, `{"userName":"ada@acme.example","emails":[{"value":"glass@acme.example"}]}`),
		"a change of name":    change(`{"userName":"ada@acme.example"}`, `{"userName":"glass@acme.example","emails":[{"value":"ada@acme.example"}]}`),
	}
	p, open := w.policy(), w.policy(func(c *PolicyConfig) { c.ProvisionBreakGlass = true })
	for name, write := range refused {
		var r *tenant.Refusal
		require.ErrorAs(t, p.Check(t.Context(), write), &r, name)
		require.Equal(t, "break_glass", r.Code, name)
		require.Equal(t, 403, r.Status)
		require.Contains(t, r.Detail, "take the address off the list", name)
		require.NoError(t, open.Check(t.Context(), write), name)
	}
	w.host.addUser("u-glass", "glass@acme.example", "owner")
	var r *tenant.Refusal
	require.ErrorAs(t, p.Check(t.Context(), refused["the user name"]), &r)
	require.Equal(t, "break_glass", r.Code, "there is nothing to approve: a conversion refuses it as well")

	glass := `{"userName":"glass@acme.example","active":true}`
	for name, write := range map[string]tenant.DirectoryWrite{
		"an address that nobody listed":           create(`{"userName":"glass2@acme.example"}`),
		"one that is listed by a draft":           create(`{"userName":"draft@acme.example"}`),
		"one who was there before, another title": change(glass, `{"userName":"glass@acme.example","title":"x"}`),
		"one who was there before, another name":  change(glass, `{"userName":"pane@acme.example"}`),
	} {
		require.NoError(t, p.Check(t.Context(), write), name)
	}
	leaves := change(glass, `{"userName":"glass@acme.example","active":false}`)
	leaves.Deprovisioning = true
	require.NoError(t, p.Check(t.Context(), leaves), "deprovisioning always works")

	cards, _, err := w.e.Conflicts(t.Context(), owner, org, 0, 0)
	require.NoError(t, err)
	for _, c := range cards {
		require.Equal(t, "break_glass", c.Code)
		require.Equal(t, []ConflictAction{ConflictIgnore}, c.Choices)
	}
	require.NotEmpty(t, cards)
	c, err := w.st.Connection(t.Context(), org, w.ids["conn"])
	require.NoError(t, err)
	c.State = store.ConnectionApproved // and its directory provisions already
	c, err = w.st.UpdateConnection(t.Context(), org, c)
	require.NoError(t, err)
	require.ErrorAs(t, p.Check(t.Context(), refused["the user name"]), &r)
	require.Equal(t, "break_glass", r.Code)
	c.State, c.BreakGlass = store.ConnectionActive, nil
	_, err = w.st.UpdateConnection(t.Context(), org, c)
	require.NoError(t, err)
	require.ErrorAs(t, p.Check(t.Context(), refused["the user name"]), &r)
	require.Equal(t, "account_exists", r.Code, "off the list, it is an account like others")
	cards, _, err = w.e.Conflicts(t.Context(), owner, org, 0, 0)
	require.NoError(t, err)
	for _, c := range cards {
		require.NotEqual(t, "break_glass", c.Code, "solved")
	}
}

func TestPolicyRecordsRefusalsOnce(t *testing.T) {
	w := newWorld(t)
	p := w.policy()
	for range 3 {
		require.Error(t, p.Check(t.Context(), create(`{"userName":"root@acme.example"}`)))
	}
	require.Error(t, p.Check(t.Context(), create(`{"userName":"x@evil.example"}`)))
	refused := w.events(EventRefused)
	require.Len(t, refused, 2)
	require.Equal(t, "root_user", refused[0].Code)
	require.Contains(t, refused[0].Message, "This account created the organisation and cannot be provisioned")
	w.clock.add(2 * time.Hour)
	require.Error(t, p.Check(t.Context(), create(`{"userName":"root@acme.example"}`)))
	require.Len(t, w.events(EventRefused), 3)
}

func TestPolicyAsksThePlan(t *testing.T) {
	w := newWorld(t)
	ok, err := false, error(nil)
	p := w.policy(func(c *PolicyConfig) {
		c.Entitlements = tenant.EntitlementsFunc(func(context.Context, string) (tenant.Included, error) {
			return tenant.Included{SSO: true, SCIM: ok}, err
		})
	})
	var r *tenant.Refusal
	require.ErrorAs(t, p.Check(t.Context(), create(`{"userName":"x@acme.example"}`)), &r)
	require.Equal(t, 403, r.Status)
	require.Equal(t, "plan_required", r.Code)
	require.Equal(t, "SCIM is not included in this organisation's plan.", r.Detail)
	require.NoError(t, p.Check(t.Context(), tenant.DirectoryWrite{TenantID: org, ResourceType: "User", Deprovisioning: true}))
	ok, err = true, errors.New("down")
	require.ErrorAs(t, p.Check(t.Context(), create(`{"userName":"x@acme.example"}`)), &r, "fails closed")
	require.Equal(t, 503, r.Status)
	require.Equal(t, "plan_unknown", r.Code)
	require.NoError(t, p.Check(t.Context(), tenant.DirectoryWrite{TenantID: org, ResourceType: "User", Deprovisioning: true}))
}

func TestPolicyLooksAtTheConnectionAndTheTenant(t *testing.T) {
	w := newWorld(t)
	p := w.policy()
	c, err := w.st.CreateConnection(t.Context(), org, store.Connection{Meta: w.meta("c9"), State: store.ConnectionActive})
	require.NoError(t, err)
	write := create(`{"userName":"x@acme.example"}`)
	write.Principal.ConnectionID = c.ID
	require.NoError(t, p.Check(t.Context(), write))
	refused := func(code string) {
		t.Helper()
		var r *tenant.Refusal
		require.ErrorAs(t, p.Check(t.Context(), write), &r)
		require.Equal(t, code, r.Code)
		require.Equal(t, 403, r.Status)
		group := tenant.DirectoryWrite{TenantID: org, Principal: write.Principal, ResourceType: "Group", AddMembers: []string{"x"}}
		require.ErrorAs(t, p.Check(t.Context(), group), &r)
		away := write
		away.Deprovisioning = true
		require.NoError(t, p.Check(t.Context(), away), "deprovisioning always works")
	}
	c.State = store.ConnectionSuspended
	_, err = w.st.UpdateConnection(t.Context(), org, c)
	require.NoError(t, err)
	refused("connection_suspended")
	for i, state := range []store.ServiceState{store.ServiceSuspended, store.ServiceRemoving, store.ServiceRemoved} {
		_, err = w.st.PutLifecycle(t.Context(), org, store.Lifecycle{Meta: store.Meta{Version: int64(i)}, State: state})
		require.NoError(t, err)
		refused(map[bool]string{true: "tenant_suspended", false: "tenant_removed"}[state == store.ServiceSuspended])
	}
	require.Len(t, w.events(EventRefused), 3, "the owner sees what the directory was told, once in a while")
}

func TestNewPolicyChecksItsConfig(t *testing.T) {
	w := newWorld(t)
	for name, cfg := range map[string]PolicyConfig{
		"Store":  {Target: w.host},
		"Target": {Store: w.st},
	} {
		_, err := NewPolicy(cfg)
		require.ErrorContains(t, err, name)
	}
}

func TestConversionPlan(t *testing.T) {
	w := newWorld(t)
	w.user("ada")
	w.sync()
	for _, name := range []string{"eve", "glass"} {
		w.host.addUser("u-"+name, name+"@acme.example", "member")
	}
	w.host.addUser("u-far", "far@other.example", "member")
	entries := []string{"eve@acme.example", " u-eve ", "", "nobody@acme.example", "u-nix", "root@acme.example", "glass@acme.example", "far@other.example", "ada@acme.example"}
	plan, err := w.e.PlanConversion(t.Context(), owner, org, Conversion{Entries: entries})
	require.NoError(t, err)
	var codes []string
	for _, l := range plan.Lines {
		codes = append(codes, l.Code)
	}
	require.Equal(t, []string{"ready", "duplicate", "not_found", "not_found", "root_user", "break_glass", "domain_not_verified", "already_provisioned"}, codes)
	require.Equal(t, 1, plan.Ready)

	_, err = w.e.ApproveConversion(t.Context(), owner, org, Conversion{Entries: entries[:1]}, plan.Hash)
	var stale *StaleConversionError
	require.ErrorAs(t, err, &stale)
	require.ErrorIs(t, err, store.ErrStale)
	_, err = w.e.ApproveConversion(t.Context(), owner, org, Conversion{Entries: entries}, plan.Hash)
	require.NoError(t, err)
	a, err := w.st.Account(t.Context(), org, "u-eve")
	require.NoError(t, err)
	require.True(t, a.Convertible)
	ev := w.events(EventConvertible)
	require.Len(t, ev, 1)
	require.Equal(t, "u-root", ev[0].Actor.ID)
	plan, err = w.e.PlanConversion(t.Context(), owner, org, Conversion{Entries: entries[:1]})
	require.NoError(t, err)
	require.Equal(t, "already_approved", plan.Lines[0].Code)
	_, err = w.e.PlanConversion(t.Context(), owner, org, Conversion{Entries: make([]string, 1001)})
	require.ErrorIs(t, err, ErrTooManyConversions)
}

// TestRefused: an owner reads what the policy refused the directory, page by page, and nobody else does.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	p := w.policy()
	for _, name := range []string{"root@acme.example", "x@evil.example", "glass@acme.example"} {
		write := create(`{"userName":"` + name + `"}`)
		write.Principal.DirectoryID = w.ids["dir"]
		require.Error(t, p.Check(t.Context(), write))
		require.Error(t, p.Check(t.Context(), write))
	}
	var codes []string
	before := int64(0)
	for {
		list, next, err := w.e.Refused(t.Context(), owner, org, before, 2)
		require.NoError(t, err)
		for _, r := range list {
			codes = append(codes, r.Code)
			require.Equal(t, w.ids["dir"], r.DirectoryID)
			require.Equal(t, "User", r.ResourceType)
			require.NotEmpty(t, r.Message)
			require.Equal(t, r.Name, r.Email)
		}
		if before = next; next == 0 {
			break
		}
	}
	require.Equal(t, []string{"break_glass", "domain_not_verified", "root_user"}, codes)
	list, next, err := w.e.Refused(t.Context(), owner, "globex", 0, 0)
	require.NoError(t, err)
	require.Empty(t, list)
	require.Zero(t, next)
	w.cfg.Authorizer = tenant.AuthorizerFunc(func(_ context.Context, _ tenant.Actor, a tenant.Action, _ string) error {
		require.Equal(t, tenant.ActionViewRequests, a)
		return tenant.ErrForbidden
	})
	e, err := New(w.cfg)
	require.NoError(t, err)
	_, _, err = e.Refused(t.Context(), owner, org, 0, 0)
	require.ErrorIs(t, err, tenant.ErrForbidden)
}
