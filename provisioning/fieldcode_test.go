package provisioning

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// asked is a world in which Ada has just asked for a code.
func asked(t *testing.T, change ...func(*FieldsConfig)) *fieldWorld {
	w := newFieldWorld(t, change...)
	w.phone(ada, "+49 30 111111")
	_, err := w.set(tenant.FieldPhone, "+49 30 222222")
	require.NoError(t, err)
	return w
}

func TestR57ACodeIsBounded(t *testing.T) {
	t.Run("in attempts", func(t *testing.T) {
		w := asked(t)
		for range 5 {
			_, err := w.confirm(w.wrong())
			w.refused(CodeCodeWrong, err)
		}
		_, err := w.confirm(w.code())
		r := w.refused(CodeTooManyAttempts, err)
		require.Equal(t, http.StatusTooManyRequests, r.Status())
		require.Equal(t, "+4930111111", w.hostPhone(), "not even with the right one")
		w.clock.add(time.Minute)
		_, err = w.sendCode()
		require.NoError(t, err)
		_, err = w.confirm(w.code())
		require.NoError(t, err, "another code has attempts of its own")
	})
	t.Run("in time", func(t *testing.T) {
		w := asked(t)
		w.clock.add(10 * time.Minute)
		_, err := w.confirm(w.code())
		w.refused(CodeCodeExpired, err)
		require.Equal(t, "+4930111111", w.hostPhone())
	})
	t.Run("to the last one sent", func(t *testing.T) {
		w := asked(t)
		first := w.code()
		w.clock.add(time.Minute)
		_, err := w.sendCode()
		require.NoError(t, err)
		if first == w.code() { // one time in a million
			return
		}
		_, err = w.confirm(first)
		w.refused(CodeCodeWrong, err)
		_, err = w.confirm(w.code())
		require.NoError(t, err)
	})
	t.Run("to the number that it was sent to", func(t *testing.T) {
		w := asked(t)
		first := w.code()
		w.clock.add(time.Minute)
		_, err := w.set(tenant.FieldPhone, "+49 30 333333")
		require.NoError(t, err)
		_, err = w.confirm(first)
		w.refused(CodeCodeWrong, err)
		require.Equal(t, "+4930111111", w.hostPhone())
	})
	t.Run("to the account", func(t *testing.T) {
		w := asked(t)
		w.phone("bob", "+49 30 444444")
		bob := w.account("bob")
		_, err := w.fields.SendCode(w.ctx, w.self("bob"), org, bob, tenant.FieldPhone)
		require.NoError(t, err)
		_, err = w.fields.Confirm(w.ctx, w.self("bob"), org, bob, tenant.FieldPhone, w.sent[0].Code.Reveal())
		if w.sent[0].Code.Reveal() != w.code() {
			w.refused(CodeCodeWrong, err)
		}
	})
	t.Run("to one use", func(t *testing.T) {
		w := asked(t)
		code := w.code()
		_, err := w.confirm(code)
		require.NoError(t, err)
		w.phone(ada, "+49 30 555555")
		_, err = w.confirm(code)
		w.refused(CodeNothingToConfirm, err)
	})
	t.Run("whatever is typed", func(t *testing.T) {
		w := asked(t, func(c *FieldsConfig) { c.Limits.Attempts = 20 })
		for _, bad := range []string{"", " ", "0", strings.Repeat("9", 1<<20), "１２３", "' OR 1=1 --", "\x00", "\xff\xfe", "+49", "tel:", w.code() + "0", w.code()[:5]} {
			_, err := w.confirm(bad)
			w.refused(CodeCodeWrong, err)
		}
	})
	t.Run("what waits is forgotten with the number in force", func(t *testing.T) {
		w := asked(t)
		_, err := w.confirm(w.code())
		require.NoError(t, err)
		w.clock.add(time.Minute)
		_, err = w.set(tenant.FieldPhone, "+49 30 333333")
		require.NoError(t, err)
		v, err := w.set(tenant.FieldPhone, "+49 30 222222")
		require.NoError(t, err)
		require.Nil(t, v.Pending)
	})
}

func TestR57CodesAreBounded(t *testing.T) {
	t.Run("a minute between two", func(t *testing.T) {
		w := asked(t)
		w.clock.add(30 * time.Second)
		v := w.value(tenant.FieldPhone)
		require.Equal(t, time.Minute, v.Pending.ResendAt.Sub(v.Pending.ExpiresAt.Add(-10*time.Minute)))
		for _, number := range []string{"+49 30 222222", "+49 30 333333"} {
			_, err := w.set(tenant.FieldPhone, number)
			r := w.refused(CodeResendTooSoon, err)
			require.InDelta(t, 30*time.Second, r.RetryAfter, float64(time.Second))
		}
		_, err := w.sendCode()
		w.refused(CodeResendTooSoon, err)
		require.Len(t, w.sent, 1)
		w.clock.add(-24 * time.Hour)
		_, err = w.sendCode()
		require.NoError(t, err, "a clock that went back keeps nobody waiting for a day")
	})
	count := func(name string, limits CodeLimits, want int, next func(i int) (who, number string)) {
		t.Run(name, func(t *testing.T) {
			w := newFieldWorld(t, func(c *FieldsConfig) { c.Limits = limits })
			for _, name := range []string{ada, "bob", "cid"} {
				w.phone(name, "+49 30 111111")
			}
			try := func(i int) error {
				w.clock.add(time.Minute)
				who, number := next(i)
				_, err := w.fields.Set(w.ctx, w.self(who), org, w.account(who), tenant.FieldPhone, number)
				return err
			}
			for i := range want {
				require.NoError(t, try(i))
			}
			r := w.refused(CodeTooManyCodes, try(want))
			require.Positive(t, r.RetryAfter)
			require.LessOrEqual(t, r.RetryAfter, 24*time.Hour)
			require.Len(t, w.sent, want)
			w.clock.add(r.RetryAfter)
			require.NoError(t, try(want), "the next day")
		})
	}
	people := []string{ada, "bob", "cid"}
	count("of an account", CodeLimits{PerAccount: 3}, 3, func(i int) (string, string) { return ada, fmt.Sprintf("+49 30 20000%d", i) })
	count("to a number", CodeLimits{PerNumber: 2}, 2, func(i int) (string, string) { return people[i], "+49 30 222222" })
	count("of a tenant", CodeLimits{PerTenant: 2}, 2, func(i int) (string, string) { return people[i], fmt.Sprintf("+49 30 20000%d", i) })
}

// TestR57TheSender: what the host's sender does, nothing is lost, and nobody waits for a code
// that does not come.
func TestR57TheSender(t *testing.T) {
	t.Run("fails", func(t *testing.T) {
		w := newFieldWorld(t)
		w.phone(ada, "+49 30 111111")
		w.refuse = errors.New("the provider says 500 for +4930222222")
		v, err := w.set(tenant.FieldPhone, "+49 30 222222")
		r := w.refused(CodeCodeNotSent, err)
		require.Equal(t, http.StatusServiceUnavailable, r.Status())
		require.NotContains(t, err.Error(), "500", "what the provider says is for the log")
		require.NotNil(t, v.Pending)
		w.refuse = nil
		_, err = w.sendCode()
		require.NoError(t, err, "at once")
		_, err = w.confirm(w.code())
		require.NoError(t, err)
	})
	t.Run("does not send there", func(t *testing.T) {
		w := newFieldWorld(t)
		w.phone(ada, "+49 30 111111")
		w.refuse = fmt.Errorf("premium: %w", ErrNumberRefused)
		v, err := w.set(tenant.FieldPhone, "+49 900 222222")
		w.refused(CodeNumberRefused, err)
		require.Nil(t, v.Pending, "nothing waits for a code that never comes")
		require.Equal(t, "+4930111111", w.hostPhone())
	})
	t.Run("panics", func(t *testing.T) {
		w := newFieldWorld(t, func(c *FieldsConfig) {
			c.Sender = CodeSenderFunc(func(context.Context, CodeMessage) error { panic("sender") })
		})
		w.phone(ada, "+49 30 111111")
		_, err := w.set(tenant.FieldPhone, "+49 30 222222")
		w.refused(CodeCodeNotSent, err)
	})
	t.Run("is asked after the commit, and once", func(t *testing.T) {
		var w *fieldWorld
		var seen *store.PendingField
		w = newFieldWorld(t, func(c *FieldsConfig) {
			c.Sender = CodeSenderFunc(func(ctx context.Context, m CodeMessage) error {
				rec, err := w.st.Account(ctx, org, m.AccountID)
				seen = fieldOf(rec.Fields, m.Field).Pending
				return err
			})
		})
		w.phone(ada, "+49 30 111111")
		_, err := w.set(tenant.FieldPhone, "+49 30 222222")
		require.NoError(t, err)
		require.Equal(t, "+4930222222", seen.Value)
	})
	t.Run("whoever asked has gone", func(t *testing.T) {
		w := newFieldWorld(t)
		w.phone(ada, "+49 30 111111")
		ctx, cancel := context.WithCancel(w.ctx)
		w.fields.cfg.Sender = CodeSenderFunc(func(ctx context.Context, _ CodeMessage) error { cancel(); return ctx.Err() })
		_, err := w.fields.Set(ctx, w.self(ada), org, w.account(ada), tenant.FieldPhone, "+49 30 222222")
		w.refused(CodeCodeNotSent, err)
		w.fields.cfg.Sender = CodeSenderFunc(w.send)
		_, err = w.sendCode()
		require.NoError(t, err, "the person may ask again at once")
	})
}

// TestR57TheLogHasNoCode: what a sender fails with often quotes the request that it made.
func TestR57TheLogHasNoCode(t *testing.T) {
	for name, fail := range map[string]func(text string) error{
		"an error": func(text string) error {
			return &url.Error{Op: "Get", URL: "https://sms.example/send?text=" + text, Err: io.EOF}
		},
		"a panic": func(text string) error { panic("no template for " + text) },
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			var code string
			w := newFieldWorld(t, func(c *FieldsConfig) {
				c.Logger = slog.New(slog.NewJSONHandler(&log, nil))
				c.Sender = CodeSenderFunc(func(_ context.Context, m CodeMessage) error {
					code = m.Code.Reveal()
					return fail(code)
				})
			})
			w.phone(ada, "+49 30 111111")
			_, err := w.set(tenant.FieldPhone, "+49 30 222222")
			w.refused(CodeCodeNotSent, err)
			require.Contains(t, log.String(), "a code was not sent")
			require.NotContains(t, log.String(), code)
		})
	}
}

// TestR57CodesAreNowhere looks for the code in all that is kept, written and printed.
func TestR57CodesAreNowhere(t *testing.T) {
	w := asked(t, func(c *FieldsConfig) { c.Limits.Digits = 10 })
	code := w.code()
	_, err := w.confirm("0000000000")
	w.refused(CodeCodeWrong, err)
	rec, err := w.st.Account(t.Context(), org, w.account(ada))
	require.NoError(t, err)
	kept, err := json.Marshal(rec)
	require.NoError(t, err)
	require.NotContains(t, string(kept), code)
	require.NotContains(t, fmt.Sprintf("%v %+v", w.sent, w.sent), code)
	all, err := w.st.Events(t.Context(), org, store.EventQuery{})
	require.NoError(t, err)
	for _, ev := range all {
		text := string(ev.Before) + string(ev.After) + ev.Message + ev.Code
		require.NotContains(t, text, code)
		if ev.Type == EventFieldCode || ev.Type == EventFieldRefused {
			require.NotContains(t, text, "+4930222222", "nor the whole number, before it is known to be hers")
			require.Contains(t, text, "222")
		}
	}
	_, err = w.confirm(code)
	require.NoError(t, err)
	var types []string
	for _, ev := range w.events(eventPrefix + "field.") {
		types = append(types, ev.Type)
	}
	require.Equal(t, []string{EventFieldCode, EventFieldRefused, EventFieldConfirmed, EventFieldChanged}, types)
}

// TestR57ReplicasRace: of guesses at once, at two replicas, no more are free than of guesses
// one after the other; and of two right answers one puts the number in force.
func TestR57ReplicasRace(t *testing.T) {
	w := asked(t)
	st := memory.New() // the world's own store takes the host's data back, which is not for several at once
	rec, err := w.st.Account(t.Context(), org, w.account(ada))
	require.NoError(t, err)
	u, err := w.st.SCIMUser(t.Context(), org, rec.SCIMUserID)
	require.NoError(t, err)
	_, err = st.CreateSCIMUser(t.Context(), org, u)
	require.NoError(t, err)
	fields := rec.Fields
	rec.Fields = nil
	_, err = st.CreateAccount(t.Context(), org, rec)
	require.NoError(t, err)
	require.NotEmpty(t, fields)
	_, err = st.CreateDirectory(t.Context(), org, store.Directory{Meta: store.Meta{ID: "d"}, ConnectionID: "c", Enabled: true, Preferences: store.SCIMPreferences{PhoneEditable: true}})
	require.NoError(t, err)
	replicas := make([]*Fields, 2)
	for i := range replicas {
		replicas[i], err = NewFields(FieldsConfig{
			Store: st, Target: w.fhost, Authorizer: tenant.AuthorizerFunc(allowAll), Sender: CodeSenderFunc(w.send), Now: w.clock.Now,
		})
		require.NoError(t, err)
	}
	self := w.self(ada)
	_, err = replicas[0].Set(t.Context(), self, org, rec.ID, tenant.FieldPhone, "+4930333333")
	require.NoError(t, err)

	atOnce := func(n int, code string) map[string]int {
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[string]int{}
		for i := range n {
			wg.Go(func() {
				_, err := replicas[i%2].Confirm(t.Context(), self, org, rec.ID, tenant.FieldPhone, code)
				key := "ok"
				if r := refusalOf(err); r != nil {
					key = r.Code
				} else if err != nil {
					key = err.Error()
				}
				mu.Lock()
				defer mu.Unlock()
				got[key]++
			})
		}
		wg.Wait()
		return got
	}
	require.Equal(t, map[string]int{CodeCodeWrong: 5, CodeTooManyAttempts: 15}, atOnce(20, w.wrong()))
	w.clock.add(time.Minute)
	_, err = replicas[1].SendCode(t.Context(), self, org, rec.ID, tenant.FieldPhone)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"ok": 10}, atOnce(10, w.code()), "the form sent many times")
	got, err := st.Account(t.Context(), org, rec.ID)
	require.NoError(t, err)
	require.Equal(t, "+4930333333", fieldOf(got.Fields, tenant.FieldPhone).Confirmed)
	confirmed, err := st.Events(t.Context(), org, store.EventQuery{TypePrefix: EventFieldConfirmed})
	require.NoError(t, err)
	require.Len(t, confirmed, 1, "and it happened once")

	// Codes asked for at once, for one account.
	w.clock.add(time.Minute)
	before := len(w.sent)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			_, _ = replicas[i%2].Set(t.Context(), self, org, rec.ID, tenant.FieldPhone, fmt.Sprintf("+49304444%02d", i))
		})
	}
	wg.Wait()
	require.Len(t, w.sent, before+1, "one code a minute, from whichever replica")
}

// TestFieldsCrash: the program ends between the commit and the sending, or before the commit.
func TestFieldsCrash(t *testing.T) {
	t.Run("after the commit", func(t *testing.T) {
		w := newFieldWorld(t)
		w.phone(ada, "+49 30 111111")
		w.fields.cfg.Sender = CodeSenderFunc(func(context.Context, CodeMessage) error { return nil }) // it went nowhere
		_, err := w.set(tenant.FieldPhone, "+49 30 222222")
		require.NoError(t, err)
		again := *w.fields // another process
		again.cfg.Sender = CodeSenderFunc(w.send)
		w.fields = &again
		w.clock.add(time.Minute)
		_, err = w.set(tenant.FieldPhone, "+49 30 222222")
		require.NoError(t, err, "entering the number again sends another code")
		_, err = w.confirm(w.code())
		require.NoError(t, err)
	})
	t.Run("before the commit", func(t *testing.T) {
		w := asked(t)
		j := w.st.(*joined)
		j.crash = func() error { return errCrash }
		_, err := w.confirm(w.code())
		require.ErrorIs(t, err, errCrash)
		require.Equal(t, "+4930111111", w.hostPhone())
		j.crash = nil
		_, err = w.confirm(w.code())
		require.NoError(t, err, "the code is good as before")
		require.Equal(t, "+4930222222", w.hostPhone())
	})
	t.Run("the host refuses the number", func(t *testing.T) {
		w := asked(t)
		w.host.fail = func(op, _ string) error {
			if op == "UpdateProfile" {
				return errors.New("the database is full")
			}
			return nil
		}
		_, err := w.confirm(w.code())
		require.ErrorContains(t, err, "update a profile")
		w.phone(ada, "+49 30 333333")
		require.Equal(t, "+4930111111", w.value(tenant.FieldPhone).Directory, "what the host did not get was not written down")
		w.host.fail = nil
		w.clock.add(2 * time.Second)
		w.sync()
		require.Equal(t, "+4930333333", w.hostPhone())
		_, err = w.confirm(w.code())
		require.NoError(t, err)
		require.Equal(t, "+4930222222", w.hostPhone())
	})
}

// TestFieldsOfManyPeople: accounts that are made many at once have their numbers as others do, and
// a number that cannot be read stops nobody.
func TestFieldsOfManyPeople(t *testing.T) {
	w := newFieldWorld(t)
	for i := range 3 * batchFrom {
		name := fmt.Sprintf("p%02d", i)
		m := w.meta(name)
		body := fmt.Sprintf(`{"userName":"%[1]s@acme.example","emails":[{"value":"%[1]s@acme.example"}],"title":"T%[1]s","phoneNumbers":[{"value":"+49 30 10000%[1]s"}]}`, name)
		if i%2 == 0 {
			body = strings.ReplaceAll(body, "10000p", "10000")
		}
		u := store.SCIMUser{Meta: m, UserName: name + "@acme.example", Active: true, Body: []byte(body)}
		_, err := w.st.CreateSCIMUser(w.ctx, org, u, w.ev("scim.user.created", subjectUser, m.ID, u.Body))
		require.NoError(t, err)
	}
	w.sync()
	for i := range 3 * batchFrom {
		u := w.host.byEmail(t, fmt.Sprintf("p%02d@acme.example", i))
		want := ""
		if i%2 == 0 {
			want = fmt.Sprintf("+493010000%02d", i)
		}
		require.Equal(t, want, u.Phone)
		require.Equal(t, fmt.Sprintf("Tp%02d", i), w.fhost.extra[u.ID]["title"])
	}
	w.stable()
}

// FuzzAttributeOf reads whatever a directory may have stored.
func FuzzAttributeOf(f *testing.F) {
	f.Add([]byte(`{"title":"x","name":{"givenName":"A"}}`), "name.givenName")
	f.Add([]byte(`{"urn:a:b":{"department":"D"}}`), "urn:a:b:department")
	f.Add([]byte(`{"addresses":[{"value":"a"},{"value":"b","primary":true}]}`), "addresses")
	f.Add([]byte(`[`), "title")
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		if got := attributeOf(body, name); len(got) > 3*len(body) {
			t.Errorf("attributeOf(%q, %q) is longer than the body", body, name)
		}
	})
}

func TestAttributeOf(t *testing.T) {
	const department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
	for _, tt := range []struct{ body, name, want string }{
		{`{"Title":"x"}`, "title", "x"},
		{`{"title":7}`, "title", ""},
		{`{"title":null}`, "title", ""},
		{`{"name":{"givenName":"A"}}`, "name.givenName", "A"},
		{`{"name":"A"}`, "name.givenName", ""},
		{`{"URN:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"D"}}`, department, "D"},
		{`{"department":"D"}`, department, ""},
		{`{"ims":[{"value":"a"},{"value":"b","primary":true}]}`, "ims", "b"},
		{`{"ims":[7,{"value":"a"}]}`, "ims", "a"},
		{`{"title":"x"`, "title", "x"},
		{``, "title", ""},
	} {
		require.Equal(t, tt.want, attributeOf([]byte(tt.body), tt.name), "%s in %s", tt.name, tt.body)
	}
}
