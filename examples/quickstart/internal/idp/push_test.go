package idp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const patchHead = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`

func TestEntraPush(t *testing.T) {
	d, f := withFake(t, Entra)
	push := func() Report {
		t.Helper()
		r, err := d.Push(t.Context())
		require.NoError(t, err)
		return r
	}
	r := push()
	require.Equal(t, "2 users created, 1 group created, 2 members added", r.String())
	require.Equal(t, []string{
		`GET /Users?userName eq "ada@acme.example"`,
		`POST /Users {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"u-ada","userName":"ada@acme.example","name":{"givenName":"Ada","familyName":"Lovelace"},"displayName":"Ada Lovelace","active":true,"emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"phoneNumbers":[{"primary":true,"type":"mobile","value":"+49 30 901820"}]}`,
		`GET /Users?userName eq "bob@acme.example"`,
		`POST /Users {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"u-bob","userName":"bob@acme.example","name":{"givenName":"Bob","familyName":"Babbage"},"displayName":"Bob Babbage","active":true,"emails":[{"primary":true,"type":"work","value":"bob@acme.example"}]}`,
		`GET /Users?userName eq "cid@acme.example"`, // who is off is looked for, but not created
		`GET /Groups?displayName eq "SRE"`,
		`POST /Groups {"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],"externalId":"g-sre","displayName":"SRE"}`,
		`PATCH /Groups/r3 ` + patchHead + `{"op":"Add","path":"members","value":[{"$ref":null,"value":"r1"},{"$ref":null,"value":"r2"}]}]}`,
	}, f.took())
	require.Contains(t, r.Exchanges[0].Path, "/Users?filter=userName%20eq%20%22")
	require.Contains(t, r.Exchanges[6].Path, "excludedAttributes=members")

	require.Equal(t, `GET /Groups?excludedAttributes=members&filter=displayName eq "SRE"`, r.Exchanges[6].Line())

	r = push()
	require.Equal(t, "nothing to change", r.String())
	require.Equal(t, []string{`GET /Users?userName eq "cid@acme.example"`}, f.took())

	require.NoError(t, d.SetActive("BOB@acme.example", false))
	require.NoError(t, d.UpdateUser("ada@acme.example", func(u *User) { u.FamilyName, u.Phone = "King", "" }))
	require.NoError(t, d.SetActive("cid@acme.example", true))
	require.NoError(t, d.RemoveMember("sre", "bob@acme.example"))
	require.NoError(t, d.RenameGroup("SRE", "Site reliability"))
	r = push()
	require.Equal(t, "1 user created, 1 user updated, 1 user deactivated, 1 group renamed, 1 member added, 1 member removed", r.String())
	calls := f.took()
	require.Equal(t, `PATCH /Users/r1 `+patchHead+`{"op":"Replace","path":"displayName","value":"Ada King"},{"op":"Replace","path":"name.familyName","value":"King"},{"op":"Remove","path":"phoneNumbers[type eq \"mobile\"].value"}]}`, calls[0])
	require.Equal(t, `PATCH /Users/r2 `+patchHead+`{"op":"Replace","path":"active","value":"False"}]}`, calls[1])
	require.Equal(t, `PATCH /Groups/r3 `+patchHead+`{"op":"Replace","path":"displayName","value":"Site reliability"}]}`, calls[len(calls)-2])
	require.Equal(t, `PATCH /Groups/r3 `+patchHead+`{"op":"Add","path":"members","value":[{"$ref":null,"value":"r4"}]},{"op":"Remove","path":"members","value":[{"$ref":null,"value":"r2"}]}]}`, calls[len(calls)-1])

	require.NoError(t, d.RemoveUser("ada@acme.example"))
	require.NoError(t, d.RemoveGroup("Site reliability"))
	r = push()
	require.Equal(t, "1 user deactivated, 1 group deleted", r.String())
	require.Equal(t, []string{`PATCH /Users/r1 ` + patchHead + `{"op":"Replace","path":"active","value":"False"}]}`, `DELETE /Groups/r3`}, f.took())
	require.Equal(t, "nothing to change", push().String())
}

func TestOktaPush(t *testing.T) {
	d, f := withFake(t, Okta)
	r, err := d.Push(t.Context())
	require.NoError(t, err)
	require.Equal(t, "2 users created, 1 group created, 2 members added", r.String())
	calls := f.took()
	require.Contains(t, calls[1], `"groups":[]`)
	require.Contains(t, calls[1], `"password":"`)
	require.Equal(t, `POST /Groups {"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"SRE","members":[{"value":"r1"},{"value":"r2"}]}`, calls[len(calls)-1])

	require.NoError(t, d.SetActive("bob@acme.example", false))
	require.NoError(t, d.UpdateUser("ada@acme.example", func(u *User) { u.GivenName = "Augusta" }))
	require.NoError(t, d.RemoveMember("SRE", "bob@acme.example"))
	_, err = d.Push(t.Context())
	require.NoError(t, err)
	calls = f.took()
	require.True(t, strings.HasPrefix(calls[0], `PUT /Users/r1 {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"r1","externalId":"u-ada"`), calls[0])
	require.Equal(t, `PATCH /Users/r2 `+patchHead+`{"op":"replace","value":{"active":false}}]}`, calls[1])
	require.Equal(t, `PATCH /Groups/r3 `+patchHead+`{"op":"remove","path":"members[value eq \"r2\"]"}]}`, calls[len(calls)-1])
}

func TestPushAdoptsWhatIsThere(t *testing.T) {
	for dialect, member := range map[Dialect]string{
		Entra: `{"op":"Add","path":"members","value":[{"$ref":null,"value":"there"},{"$ref":null,"value":"r1"},{"$ref":null,"value":"off"}]}`,
		Okta:  `{"op":"replace","path":"members","value":[{"value":"there"},{"value":"r1"},{"value":"off"}]}`,
	} {
		d, f := withFake(t, dialect)
		f.names["/Users/there"], f.names["/Users/off"], f.names["/Groups/g"] = "ADA@acme.example", "cid@acme.example", "sre"
		r, err := d.Push(t.Context())
		require.NoError(t, err)
		require.Equal(t, "1 user created, 2 users matched, 2 users updated, 1 group matched, 3 members added", r.String())
		calls := f.took()
		require.Equal(t, "PATCH /Groups/g "+patchHead+member+"]}", calls[len(calls)-1])
		require.Contains(t, calls[5], "/Users/off ", "who is off is switched off when matched")
		require.Contains(t, strings.ToLower(calls[5]), "false")
		r, err = d.Push(t.Context())
		require.NoError(t, err)
		require.Equal(t, "nothing to change", r.String())
	}
}

func TestPushMakesAgainWhatWasDeletedThere(t *testing.T) {
	d, f := withFake(t, Entra)
	_, err := d.Push(t.Context())
	require.NoError(t, err)
	delete(f.names, "/Users/r2")
	delete(f.names, "/Groups/r3")
	require.NoError(t, d.UpdateUser("bob@acme.example", func(u *User) { u.Phone = "1" }))
	r, err := d.Push(t.Context())
	require.NoError(t, err)
	require.Equal(t, "1 user created, 1 group created, 2 members added", r.String())
	calls := f.took()
	require.Equal(t, `PATCH /Groups/r5 `+patchHead+`{"op":"Add","path":"members","value":[{"$ref":null,"value":"r1"},{"$ref":null,"value":"r4"}]}]}`, calls[len(calls)-1])
}

func TestPushAfterAConflict(t *testing.T) {
	d, f := withFake(t, Entra)
	f.before = func(r *http.Request) (int, http.Header, string) {
		if r.Method == http.MethodPost && len(f.names) == 0 {
			f.names["/Users/other"] = "ada@acme.example" // somebody else is faster
		}
		return 0, nil, ""
	}
	r, err := d.Push(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, r.UsersMatched)
	require.Equal(t, 1, r.UsersCreated)
}

func TestPushGoesOnAfterRefusals(t *testing.T) {
	d, f := withFake(t, Entra)
	f.before = func(r *http.Request) (int, http.Header, string) {
		if r.Method == http.MethodPost && r.URL.Path == "/scim/v2/acme/Users" && len(f.names) == 0 && f.next == 0 {
			f.next++
			return 400, nil, `{"detail":"the domain isn't yours","scimType":"invalidValue","status":"400"}`
		}
		return 0, nil, ""
	}
	r, err := d.Push(t.Context())
	require.ErrorIs(t, err, ErrRefused)
	require.Equal(t, []string{"POST /Users was answered with 400: invalidValue: the domain isn't yours"}, r.Failures)
	require.Equal(t, "1 user created, 1 group created, 1 member added, 1 request refused", r.String())
	require.Empty(t, r.Stopped)
	r, err = d.Push(t.Context())
	require.NoError(t, err, "tried again next time")
	require.Equal(t, "1 user created, 1 member added", r.String())
}

func TestPushWaitsAsLongAsItIsAskedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f := withFake(t, Entra)
		asked := []string{"3", time.Now().Add(5 * time.Second).UTC().Format(http.TimeFormat), ""}
		status := []int{429, 503, 429}
		f.before = func(*http.Request) (int, http.Header, string) {
			if len(asked) == 0 {
				return 0, nil, ""
			}
			h, s := http.Header{"Retry-After": {asked[0]}}, status[0]
			asked, status = asked[1:], status[1:]
			return s, h, ""
		}
		start := time.Now()
		r, err := d.Push(t.Context())
		require.NoError(t, err)
		require.Equal(t, 5*time.Second+1500*time.Millisecond, time.Since(start))
		require.Equal(t, []int{429, 503, 429, 200}, []int{r.Exchanges[0].Status, r.Exchanges[1].Status, r.Exchanges[2].Status, r.Exchanges[3].Status})
		require.Equal(t, r.Exchanges[0].Path, r.Exchanges[3].Path)
	})
}

func TestPushStops(t *testing.T) {
	always := func(status int, retryAfter string) func(*http.Request) (int, http.Header, string) {
		return func(*http.Request) (int, http.Header, string) {
			return status, http.Header{"Retry-After": {retryAfter}}, ""
		}
	}
	for name, tt := range map[string]struct {
		before func(*http.Request) (int, http.Header, string)
		want   error
		says   string
		calls  int
	}{
		"key refused":         {always(401, ""), ErrUnauthorized, "401", 1},
		"throttled for ever":  {always(429, "1"), ErrThrottled, "after 5 attempts", 5},
		"throttled for a day": {always(429, "86400"), ErrThrottled, "24h0m0s", 1},
		"throttled absurdly":  {always(429, "2147483647"), ErrThrottled, "longer than", 1},
		"broken":              {always(500, ""), nil, "500", 1},
		"redirect":            {always(302, ""), nil, "302", 1},
		"no list":             {func(*http.Request) (int, http.Header, string) { return 200, nil, "<html>" }, nil, "no SCIM list", 1},
		"filter ignored": {func(*http.Request) (int, http.Header, string) {
			return 200, nil, `{"totalResults":1,"Resources":[{"id":"1"}]}`
		}, nil, "apply filters", 1},
		"answer without bound": {func(*http.Request) (int, http.Header, string) { return 200, nil, strings.Repeat(" ", maxAnswer+1) }, ErrUnreachable, "larger than", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, f := withFake(t, Entra)
				f.before = tt.before
				r, err := d.Push(t.Context())
				require.Error(t, err)
				if tt.want != nil {
					require.ErrorIs(t, err, tt.want)
				}
				require.ErrorContains(t, err, tt.says)
				require.NotEmpty(t, r.Stopped)
				require.Len(t, r.Exchanges, tt.calls)
				require.Equal(t, r, d.LastReport())
			})
		})
	}
}

func TestPushWithoutServerOrSettings(t *testing.T) {
	p, err := New(testConfig(Entra))
	require.NoError(t, err)
	d, _ := p.Directory("acme")
	_, err = d.Push(t.Context())
	require.ErrorIs(t, err, ErrNotConfigured)
	require.True(t, d.LastReport().Started.IsZero())

	require.NoError(t, d.SetSCIM("http://127.0.0.1:1/scim", "secret-key"))
	r, err := d.Push(t.Context())
	require.ErrorIs(t, err, ErrUnreachable)
	require.NotEmpty(t, r.Exchanges[0].Failure)
	require.NotContains(t, fmt.Sprintf("%+v %v", r, err), "secret-key")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Push(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestPushForgetsAnotherServer(t *testing.T) {
	d, f := withFake(t, Entra)
	_, err := d.Push(t.Context())
	require.NoError(t, err)
	f.names, f.next = map[string]string{}, 0
	require.NoError(t, d.SetSCIM(fakeBase+"/again", fakeToken))
	require.NoError(t, d.SetSCIM(fakeBase, fakeToken))
	r, err := d.Push(t.Context())
	require.NoError(t, err)
	require.Equal(t, "nothing to change", r.String(), "the same base URL: what was learnt stays")
	require.NoError(t, d.SetSCIM("http://other.test/scim/v2/acme", fakeToken))
	r, err = d.Push(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, r.UsersCreated)
}

func TestPushCutsMembersAndLog(t *testing.T) {
	d, f := withFake(t, Okta)
	group := Group{Name: "Everybody"}
	for i := range 250 {
		email := fmt.Sprintf("u%03d@acme.example", i)
		require.NoError(t, d.AddUser(User{Email: email, Password: "x", GivenName: strings.Repeat("ü", 3000)}))
		group.Members = append(group.Members, email)
	}
	r, err := d.Push(t.Context())
	require.NoError(t, err)
	require.Len(t, r.Exchanges, MaxExchanges)
	require.Equal(t, len(f.calls), len(r.Exchanges)+r.Dropped)
	for _, e := range r.Exchanges {
		require.LessOrEqual(t, len(e.Sent), maxLogged+len("\n…"))
	}
	require.NoError(t, d.AddGroup(Group{Name: "Empty"}))
	_, err = d.Push(t.Context())
	require.NoError(t, err)
	f.took()
	for _, email := range group.Members {
		require.NoError(t, d.AddMember("Empty", email))
	}
	r, err = d.Push(t.Context())
	require.NoError(t, err)
	require.Equal(t, 250, r.MembersAdded)
	patches := 0
	for _, call := range f.took() {
		if strings.HasPrefix(call, "PATCH /Groups/") {
			patches++
		}
	}
	require.Equal(t, 3, patches)
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		`a"b\c`: `"a\"b\\c"`, "<a&b>": `"<a&b>"`, "ü": `"ü"`, "a\nb": `"a\nb"`, "": `""`,
	} {
		require.Equal(t, want, quote(in))
	}
}

// Pushes, changes and reading at the same time: for the race detector, and every push sees a whole directory.
func TestConcurrentUse(t *testing.T) {
	d, f := withFake(t, Entra)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 10 {
				_, err := d.Push(t.Context())
				assert.NoError(t, err)
				assert.NoError(t, d.RemoveMember("SRE", "ada@acme.example"))
				assert.NoError(t, d.AddMember("SRE", "ada@acme.example"))
				assert.NoError(t, d.SetActive("cid@acme.example", true))
				d.SetInsecureInactiveSignIn(true)
				assert.NoError(t, d.SetRedirectURIs("https://app.example/cb"))
				_, _, _ = d.LastReport(), d.Groups(), d.Users()
			}
		})
	}
	wg.Wait()
	_, err := d.Push(t.Context())
	require.NoError(t, err)
	f.took()
	r, err := d.Push(t.Context())
	require.NoError(t, err)
	require.Equal(t, "nothing to change", r.String())
	require.Len(t, f.names, 4)
}

func TestRetryAfterForms(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	w := &wire{now: func() time.Time { return now }, maxWait: 10 * time.Second}
	for value, want := range map[string]time.Duration{
		"0": 0, " 7 ": 7 * time.Second, "Tue, 24 Nov 2026 09:00:03 GMT": 3 * time.Second, "Tue, 24 Nov 2026 08:00:00 GMT": 0,
		"": time.Second, "-1": time.Second, "soon": time.Second, "99999999999999999999": time.Second,
	} {
		require.Equal(t, want, w.retryAfter(http.Header{"Retry-After": {value}}, 2), "%q", value)
	}
}

func TestErrorsDontLeakTheToken(t *testing.T) {
	d, _ := withFake(t, Entra)
	for _, base := range []string{"", "ftp://x/scim", "http://", "https://user:pw@app.example/", "https://app.example/?a=b", "app.example/scim", "https://app.example/#x"} {
		require.ErrorIs(t, d.SetSCIM(base, "token"), ErrInvalid, base)
	}
	for _, token := range []string{"", "a b", "a\r\nX-Evil: 1", "ü"} {
		err := d.SetSCIM(fakeBase, token)
		require.ErrorIs(t, err, ErrInvalid)
		if token != "" {
			require.NotContains(t, err.Error(), token)
		}
	}
	require.Equal(t, fakeBase, d.SCIMBaseURL(), "a refused setting changes nothing")
	require.NoError(t, d.SetSCIM("", ""))
	_, err := d.Push(t.Context())
	require.True(t, errors.Is(err, ErrNotConfigured))
	_, err = url.Parse(d.Issuer())
	require.NoError(t, err)
}
