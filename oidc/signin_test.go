package oidc

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

// numberFor says which numbered test runs a misbehaviour of oidctest; "" leaves it to TestConformance.
func numberFor(m oidctest.Misbehaviour) string {
	for prefix, number := range map[string]string{
		"oidcc-": "", "response: iss": "S17", "response: state": "S9", "response: code": "S9", "response: error": "S29",
		"discovery: ": "S19", "keys: ": "S19", "token: ": "S19",
	} {
		if strings.HasPrefix(m.Name, prefix) {
			return number
		}
	}
	return "S8"
}

// misbehave runs the misbehaviours of one number, each through a whole sign-in, and tells how many there are.
func misbehave(t *testing.T, number string) int {
	t.Helper()
	n := 0
	for _, m := range oidctest.Misbehaviours() {
		if numberFor(m) != number {
			continue
		}
		n++
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			signInWith(t, m)
		})
	}
	return n
}

// signInWith runs one misbehaviour, and looks whether its sign-in ends as it must.
func signInWith(t *testing.T, m oidctest.Misbehaviour) {
	t.Helper()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u1", oidctest.DefaultEmail)
	idp.SetFaults(m.Faults)
	p := a.signIn(oidctest.DefaultEmail)
	if m.Accept {
		require.Equal(t, 200, p.status, p.body)
		require.Equal(t, "home /inside", p.body)
		require.Equal(t, "u1", p.session)
		require.Equal(t, oidctest.DefaultSubject == a.lastLogin().Subject, !strings.HasPrefix(m.Name, "sub of 255"))
		return
	}
	require.Contains(t, []int{400, 403, 503}, p.status, p.body)
	require.Empty(t, p.session)
	require.Zero(t, a.loginCount())
	require.Zero(t, idp.Count(oidctest.Userinfo))
	for _, leak := range []string{"secret stack trace", "<script>", "evil.example", oidctest.DefaultClientSecret} {
		require.NotContains(t, p.body, leak)
	}
	require.NotContains(t, a.log.String(), oidctest.DefaultClientSecret)
	require.NotContains(t, a.log.String(), "secret stack trace")
}

// TestS7_LongSubjects: a subject has at most 255 bytes (OpenID Connect Core section 2), however many letters they are.
func TestS7_LongSubjects(t *testing.T) {
	proves(t)
	t.Parallel()
	a, idp, _ := oneTenant(t, func(c *store.Connection) { c.JustInTime = true })
	for subject, ok := range map[string]bool{
		strings.Repeat("s", 255): true, strings.Repeat("s", 256): false, strings.Repeat("é", 127): true, strings.Repeat("é", 128): false,
		strings.Repeat("s", 100_000): false,
	} {
		idp.SetUsers(oidctest.User{Subject: subject, Email: oidctest.DefaultEmail})
		if !ok {
			a.refused(CodeTokenInvalid)
			continue
		}
		require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
		require.Equal(t, subject, a.lastLogin().Subject)
		_, err := a.store.DeleteIdentitiesOfConnection(t.Context(), "acme", a.lastLogin().ConnectionID)
		require.NoError(t, err)
	}
	// Two subjects that differ in their last byte alone are two people.
	long := strings.Repeat("s", 254)
	idp.SetUsers(oidctest.User{Subject: long + "a", Email: oidctest.DefaultEmail})
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	idp.SetUsers(oidctest.User{Subject: long + "b", Email: oidctest.DefaultEmail})
	a.refused(CodeAlreadyLinked)
}

// TestS8_IDTokens: each malformed, forged and misdirected token that oidctest knows.
func TestS8_IDTokens(t *testing.T) {
	proves(t)
	t.Parallel()
	require.GreaterOrEqual(t, misbehave(t, "S8"), 50, "with those that TestConformance runs, all of the table")
}

// TestS9_ResponseParameters: the state is repeated, changed or missing.
func TestS9_ResponseParameters(t *testing.T) {
	proves(t)
	t.Parallel()
	require.NotZero(t, misbehave(t, "S9"))
}

// TestS17_ResponseIssuerForms: RFC 9207 where the provider announces it.
func TestS17_ResponseIssuerForms(t *testing.T) {
	proves(t)
	t.Parallel()
	require.NotZero(t, misbehave(t, "S17"))
}

// TestS19_Documents: each document of a provider is null, no object, no JSON, too long or lacks what is needed.
func TestS19_Documents(t *testing.T) {
	proves(t)
	t.Parallel()
	require.GreaterOrEqual(t, misbehave(t, "S19"), 25)
}

// TestS29_ResponseErrors: what a provider answers instead of a code.
func TestS29_ResponseErrors(t *testing.T) {
	proves(t)
	t.Parallel()
	require.NotZero(t, misbehave(t, "S29"))
}
