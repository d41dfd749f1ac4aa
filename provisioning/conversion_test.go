package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// credentialHost is a host with passwords, API tokens and sessions.
type credentialHost struct {
	*fakeHost
	did *[]string
}

func (h credentialHost) note(op, id string) error {
	return h.change(op, id, func() { *h.did = append(*h.did, op+" "+id) })
}

func (h credentialHost) EndPassword(_ context.Context, _ store.Store, _, id string) error {
	return h.note("EndPassword", id)
}

func (h credentialHost) RevokeTokens(_ context.Context, _ store.Store, _, id string) error {
	return h.note("RevokeTokens", id)
}

func (h credentialHost) EndSessions(_ context.Context, _ store.Store, _, id string) error {
	return h.note("EndSessions", id)
}

func (h credentialHost) InviteAccount(_ context.Context, _ store.Store, _, id string) error {
	return h.note("InviteAccount", id)
}

func credentialWorld(t *testing.T) (*world, *[]string) {
	did := &[]string{}
	w := newWorld(t, func(c *Config) { c.Target = credentialHost{c.Target.(*fakeHost), did} })
	w.host.addTeam("t-ops", "Ops")
	w.host.addUser("u-eve", "eve@acme.example", "administrator")
	return w, did
}

func (w *world) convert(c Conversion) ConversionPlan {
	w.Helper()
	plan, err := w.e.PlanConversion(w.ctx, owner, org, c)
	require.NoError(w, err)
	done, err := w.e.ApproveConversion(w.ctx, owner, org, c, plan.Hash)
	require.NoError(w, err)
	require.Equal(w, plan, done)
	return done
}

func (w *world) unconvert(entries ...string) ConversionPlan {
	w.Helper()
	plan, err := w.e.PlanConversionUndo(w.ctx, owner, org, entries)
	require.NoError(w, err)
	done, err := w.e.UndoConversion(w.ctx, owner, org, entries, plan.Hash)
	require.NoError(w, err)
	require.Equal(w, plan, done)
	return done
}

func (w *world) record(id string) store.Account {
	w.Helper()
	a, err := w.st.Account(w.ctx, org, id)
	require.NoError(w, err)
	return a
}

// send writes a user with an externalId; it makes the user if it is new.
func (w *world) send(name, email, externalID string) {
	w.Helper()
	if w.ids[name] == "" {
		m := w.meta(name)
		_, err := w.st.CreateSCIMUser(w.ctx, org, store.SCIMUser{Meta: m, UserName: email, ExternalID: externalID, Active: true, Body: userBody(email, true)},
			w.ev("scim.user.created", subjectUser, m.ID, userBody(email, true)))
		require.NoError(w, err)
		return
	}
	u, err := w.st.SCIMUser(w.ctx, org, w.ids[name])
	require.NoError(w, err)
	u.UserName, u.ExternalID, u.Body = email, externalID, userBody(email, true)
	_, err = w.st.UpdateSCIMUser(w.ctx, org, u, w.ev("scim.user.updated", subjectUser, u.ID, u.Body))
	require.NoError(w, err)
}

// TestConversionEndsThePassword: what an account signed in with ends when it is taken over,
// sessions and tokens by choice.
func TestConversionEndsThePassword(t *testing.T) {
	for name, tt := range map[string]struct {
		choice Conversion
		did    []string
		events int
	}{
		"by default": {Conversion{}, []string{"EndPassword u-eve"}, 0},
		"by choice":  {Conversion{EndSessions: true, RevokeTokens: true}, []string{"EndPassword u-eve", "RevokeTokens u-eve", "EndSessions u-eve"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w, did := credentialWorld(t)
			tt.choice.Entries = []string{"eve@acme.example"}
			plan := w.convert(tt.choice)
			require.True(t, plan.PasswordsEnd)
			require.Empty(t, *did, "nothing ends before the directory takes it over")
			w.user("eve")
			w.sync()
			require.Equal(t, tt.did, *did)
			require.Len(t, w.events(eventPrefix+string(AccountEndSessions)), tt.events)
			require.True(t, w.record("u-eve").Conversion.PasswordEnded)
			require.Equal(t, store.SourceManual, w.record("u-eve").Conversion.Source)
		})
	}
	w := newWorld(t)
	_, err := w.e.PlanConversion(t.Context(), owner, org, Conversion{RevokeTokens: true})
	require.ErrorIs(t, err, ErrTokensNotRevoked)
}

// TestConversionShowsChanges: the preview tells what groups do to whom the directory has sent
// already, and approving does that at once.
func TestConversionShowsChanges(t *testing.T) {
	w, _ := credentialWorld(t)
	w.user("eve")
	w.group("A", "eve")
	w.sync()
	w.manual(w.row("A", "t-ops", "member", ""))
	require.Empty(t, w.host.role("t-ops", "u-eve"))
	plan := w.convert(Conversion{Entries: []string{"u-eve"}})
	require.Equal(t, w.ids["eve"], plan.Lines[0].SCIMUserID)
	var kinds []LineKind
	for _, l := range plan.Lines[0].Changes {
		kinds = append(kinds, l.Kind)
	}
	require.Equal(t, []LineKind{AccountAdopt, MemberAdd}, kinds)
	require.Equal(t, "member", w.host.role("t-ops", "u-eve"))
	require.Equal(t, "administrator", w.host.users["u-eve"].Role)
	w.stable()
}

// TestConvertedAddressIsHeld: the address of an account that was taken over changes only by a
// later request with the same externalId.
func TestConvertedAddressIsHeld(t *testing.T) {
	w, _ := credentialWorld(t)
	w.convert(Conversion{Entries: []string{"eve@acme.example"}})
	email := func() string { return w.host.users["u-eve"].Email }
	w.send("eve", "eve@acme.example", "")
	w.sync()
	require.Equal(t, w.ids["eve"], w.record("u-eve").SCIMUserID)
	w.send("eve", "mallory@acme.example", "")
	w.sync()
	require.Equal(t, "eve@acme.example", email(), "no ID")
	require.Equal(t, string(FindingEmailHeld), w.events(EventFinding)[0].Code)
	w.send("eve", "mallory@acme.example", "x1")
	w.sync()
	require.Equal(t, "eve@acme.example", email(), "the request that brings the ID")
	require.Equal(t, "x1", w.record("u-eve").ExternalID)
	w.send("eve", "eva@acme.example", "x2")
	w.sync()
	require.Equal(t, "eve@acme.example", email(), "another ID")
	require.Equal(t, "x1", w.record("u-eve").ExternalID)
	w.send("eve", "eva@acme.example", "x1")
	w.sync()
	require.Equal(t, "eva@acme.example", email(), "the same ID")
	w.stable()
}

// TestConversionUndone before and after the directory took the account over.
func TestConversionUndone(t *testing.T) {
	w, did := credentialWorld(t)
	w.host.addTeam("t-dev", "Dev")
	w.host.in["t-dev"]["u-eve"] = "administrator"
	w.convert(Conversion{Entries: []string{"u-eve"}})
	require.Equal(t, "ready", w.unconvert("eve@acme.example").Lines[0].Code)
	w.user("eve")
	w.group("A", "eve")
	w.sync()
	w.manual(w.row("A", "t-ops", "member", "owner"), w.row("A", "t-dev", "member", ""))
	require.Empty(t, w.record("u-eve").SCIMUserID, "it does not wait any more")
	before := w.host.state()

	w.convert(Conversion{Entries: []string{"u-eve"}})
	require.Equal(t, "owner", w.host.users["u-eve"].Role)
	require.Equal(t, "member", w.host.role("t-ops", "u-eve"))
	plan := w.unconvert("u-eve")
	require.Len(t, plan.Lines[0].Changes, 2)
	require.Equal(t, before, w.host.state(), "what it had")
	a := w.record("u-eve")
	require.Equal(t, store.SourceManual, a.Source)
	require.Empty(t, a.SCIMUserID)
	require.Equal(t, store.AccountConversion{}, a.Conversion)
	require.Equal(t, "InviteAccount u-eve", (*did)[len(*did)-1])
	w.stable()

	plan, err := w.e.PlanConversionUndo(t.Context(), owner, org, []string{"u-eve", "u-nix", strings.Repeat("x", 400)})
	require.NoError(t, err)
	require.Equal(t, []string{"not_converted", "not_found", "not_found"}, []string{plan.Lines[0].Code, plan.Lines[1].Code, plan.Lines[2].Code})
	_, err = w.e.UndoConversion(t.Context(), owner, org, []string{"u-eve"}, plan.Hash)
	require.ErrorIs(t, err, store.ErrStale)
}

// TestConversionOfAnotherAddress: the directory knows the person by another address.
func TestConversionOfAnotherAddress(t *testing.T) {
	w, _ := credentialWorld(t)
	w.host.addUser("u-old", "old@elsewhere.example", "member")
	c := Conversion{Entries: []string{"u-old", "u-eve"}, Addresses: map[string]string{"u-old": "New@acme.example", "u-eve": "ROOT@acme.example"}}
	plan := w.convert(c)
	require.Equal(t, []string{"ready", "address_taken"}, []string{plan.Lines[0].Code, plan.Lines[1].Code})
	require.NoError(t, w.policy().Check(t.Context(), create(`{"userName":"new@acme.example","externalId":"n1"}`)))
	w.send("new", "new@acme.example", "n1")
	w.sync()
	require.Equal(t, w.ids["new"], w.record("u-old").SCIMUserID)
	require.Equal(t, "old@elsewhere.example", w.host.users["u-old"].Email, "not by the first request")
	w.send("new", "new@acme.example", "n1")
	w.sync()
	require.Equal(t, "new@acme.example", w.host.users["u-old"].Email)
	w.stable()
}

// TestTwoUsersOfOneAddress: one of them takes the account over.
func TestTwoUsersOfOneAddress(t *testing.T) {
	w, _ := credentialWorld(t)
	w.convert(Conversion{Entries: []string{"u-eve"}})
	for _, name := range []string{"one", "two"} {
		m := w.meta(name)
		_, err := w.st.CreateSCIMUser(t.Context(), org, store.SCIMUser{Meta: m, UserName: name, Active: true, Body: userBody("eve@acme.example", true)},
			w.ev("scim.user.created", subjectUser, m.ID, userBody("eve@acme.example", true)))
		require.NoError(t, err)
	}
	w.sync()
	require.Equal(t, w.ids["one"], w.record("u-eve").SCIMUserID)
	found := w.events(EventFinding)
	require.Equal(t, string(FindingAccountTaken), found[len(found)-1].Code)
	w.stable()
}

// TestUserMadeAnewByItsID: the directory deletes a user and makes it again with another address.
func TestUserMadeAnewByItsID(t *testing.T) {
	w := newWorld(t)
	w.send("ada", "ada@acme.example", "x1")
	w.sync()
	id := w.account("ada")
	w.deleteUser("ada")
	w.sync()
	require.False(t, w.host.users[id].Active)
	delete(w.ids, "ada")
	w.send("ada", "ada.king@acme.example", "x1")
	w.sync()
	require.True(t, w.host.users[id].Active)
	require.Equal(t, w.ids["ada"], w.record(id).SCIMUserID)
	require.Equal(t, "ada.king@acme.example", w.host.users[id].Email)
	w.stable()

	w.deleteUser("ada")
	w.sync()
	w.host.addUser("u-eve", "eve@acme.example", "member")
	w.send("ada2", "eve@acme.example", "x1")
	w.sync()
	found := w.events(EventFinding)
	require.Equal(t, string(FindingAccountAmbiguous), found[len(found)-1].Code, "its ID is one account's, its address another's")
	require.False(t, w.host.users[id].Active)
}

// TestPolicyTellsNothingOfForeignAccounts: whether an address elsewhere has an account is
// nobody's to learn.
func TestPolicyTellsNothingOfForeignAccounts(t *testing.T) {
	w := newWorld(t)
	w.host.addUser("u-far", "far@other.example", "")
	var with, without *tenant.Refusal
	require.ErrorAs(t, w.policy().Check(t.Context(), create(`{"userName":"far@other.example"}`)), &with)
	require.ErrorAs(t, w.policy().Check(t.Context(), create(`{"userName":"nix@other.example"}`)), &without)
	require.Equal(t, "domain_not_verified", with.Code)
	require.Equal(t, without.Code, with.Code)
	require.Equal(t, strings.ReplaceAll(without.Detail, "nix@", "far@"), with.Detail)
	w.user("ada")
	w.sync()
	w.host.addUser("u-eve", "eve@acme.example", "member")
	w.convert(Conversion{Entries: []string{"u-eve"}})
	err := w.policy().Check(t.Context(), tenant.DirectoryWrite{
		TenantID: org, ResourceType: "User", ID: w.ids["ada"],
		Before: json.RawMessage(userBody("ada@acme.example", true)), After: json.RawMessage(userBody("eve@acme.example", true)),
	})
	require.ErrorAs(t, err, &with)
	require.Equal(t, "account_exists", with.Code, "a user who has an account gets no second one")
}

func TestReadConversionList(t *testing.T) {
	for name, tt := range map[string]struct {
		give string
		want []string
	}{
		"lines":      {"a@x.example\r\nb@x.example\n\n# c@x.example\nu-7\n", []string{"a@x.example", "b@x.example", "u-7"}},
		"one line":   {"a@x.example, b@x.example;c@x.example\td@x.example|e@x.example", []string{"a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example"}},
		"columns":    {"\ufeffName;E-Mail;Team\n\"Ada, K\";\"ada@x.example\";Ops\n", []string{"ada@x.example"}},
		"names":      {"Ada King <Ada@x.example>, <mailto:b@x.example>", []string{"Ada@x.example", "b@x.example"}},
		"duplicates": {"a@x.example\nA@X.example", []string{"a@x.example", "A@X.example"}},
		"nothing":    {" \r\n\t\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadConversionList(strings.NewReader(tt.give))
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	for name, give := range map[string]string{
		"line 2":   "a@x.example\r\na@b@c.example\r\n",
		"line 3":   "email\na@x.example\nsome words here\n",
		"UTF-8":    "a\x00@\x00x\x00",
		"bytes":    strings.Repeat("a", maxConversionList+1),
		"at most ": strings.Repeat("a@x.example\n", 1001),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadConversionList(strings.NewReader(give))
			require.ErrorContains(t, err, name)
		})
	}
	_, err := ReadConversionList(strings.NewReader(strings.Repeat("u@x.example\n", 80_000)))
	require.ErrorIs(t, err, ErrTooManyConversions)
}

func FuzzReadConversionList(f *testing.F) {
	f.Add("a@x.example;\"b@x.example\"\nu-1")
	f.Add("=cmd|' /C calc'!A0,a@x.example")
	f.Fuzz(func(t *testing.T, s string) {
		list, err := ReadConversionList(strings.NewReader(s))
		var le *ConversionListError
		if err != nil && !errors.As(err, &le) && !errors.Is(err, ErrTooManyConversions) {
			t.Fatal(err)
		}
		for _, e := range list {
			if len(e) > maxEntry || strings.ContainsAny(e, "\r\n\x00,;") {
				t.Fatalf("entry %q", e)
			}
		}
	})
}
