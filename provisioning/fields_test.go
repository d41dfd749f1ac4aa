package provisioning

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// fieldHost is a host that keeps more than a phone number, and tells what accounts had.
type fieldHost struct {
	*fakeHost
	profiles map[string]Profile              // the last one of each account
	extra    map[string]map[string]string    // account → field → value
	had      map[string][]HostField          // what FieldsOf says
	failSet  func(field, value string) error // asked by SetField
}

func (h *fieldHost) UpdateProfile(ctx context.Context, tx store.Store, tenantID, id string, p Profile) error {
	if err := h.fakeHost.UpdateProfile(ctx, tx, tenantID, id, p); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.profiles[id] = p
	return nil
}

func (h *fieldHost) SetField(_ context.Context, _ store.Store, _, id string, v FieldValue) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failSet != nil {
		if err := h.failSet(v.Field, v.Value); err != nil {
			return err
		}
	}
	if h.extra[id] == nil {
		h.extra[id] = map[string]string{}
	}
	h.extra[id][v.Field] = v.Value
	return nil
}

func (h *fieldHost) FieldsOf(_ context.Context, _ store.Store, _, id string) ([]HostField, error) {
	return h.had[id], nil
}

// fieldWorld is a world whose engine keeps fields, and whose sender keeps what it was given.
type fieldWorld struct {
	*world
	fields *Fields
	fhost  *fieldHost
	mu     sync.Mutex
	sent   []CodeMessage
	refuse error // of the sender
	denied map[tenant.Action]bool
}

const ada = "ada"

func newFieldWorld(t testing.TB, change ...func(*FieldsConfig)) *fieldWorld {
	fw := &fieldWorld{denied: map[tenant.Action]bool{}}
	fw.world = newWorld(t, func(c *Config) {
		fw.fhost = &fieldHost{fakeHost: c.Target.(*fakeHost), profiles: map[string]Profile{}, extra: map[string]map[string]string{}, had: map[string][]HostField{}}
		cfg := FieldsConfig{
			Store: c.Store, Target: fw.fhost, Sender: CodeSenderFunc(fw.send), Now: c.Now, CallingCode: "49",
			Authorizer: tenant.AuthorizerFunc(func(_ context.Context, _ tenant.Actor, a tenant.Action, _ string) error {
				if fw.denied[a] {
					return tenant.ErrForbidden
				}
				return nil
			}),
			Fields: []Field{{Name: "displayName"}, {Name: "title"}, {Name: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"}},
		}
		for _, fn := range change {
			fn(&cfg)
		}
		var err error
		fw.fields, err = NewFields(cfg)
		require.NoError(t, err)
		c.Target, c.Fields = fw.fhost, fw.fields
	})
	fw.prefer(store.SCIMPreferences{PhoneEditable: true})
	return fw
}

func (w *fieldWorld) send(_ context.Context, m CodeMessage) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, m)
	return w.refuse
}

func (w *fieldWorld) prefer(p store.SCIMPreferences) {
	w.directory(func(d *store.Directory) { d.Preferences = p })
}

// phone writes the number of a user at the directory, and syncs.
func (w *fieldWorld) phone(name, number string) {
	w.Helper()
	w.attributes(name, fmt.Sprintf(`"phoneNumbers":[{"value":%q,"type":"mobile"}]`, number))
}

func (w *fieldWorld) attributes(name, members string) {
	w.Helper()
	body := fmt.Sprintf(`{"userName":"%[1]s@acme.example","active":true,"displayName":"Ada","emails":[{"value":"%[1]s@acme.example","primary":true}],%[2]s}`, name, members)
	now := w.clock.Now()
	if id := w.ids[name]; id != "" {
		u, err := w.st.SCIMUser(w.ctx, org, id)
		require.NoError(w, err)
		u.Body, u.UpdatedAt = []byte(body), now
		_, err = w.st.UpdateSCIMUser(w.ctx, org, u, w.ev("scim.user.updated", subjectUser, u.ID, u.Body))
		require.NoError(w, err)
	} else {
		m := w.meta(name)
		u := store.SCIMUser{Meta: m, UserName: name + "@acme.example", Active: true, Body: []byte(body)}
		_, err := w.st.CreateSCIMUser(w.ctx, org, u, w.ev("scim.user.created", subjectUser, m.ID, u.Body))
		require.NoError(w, err)
	}
	w.sync()
}

func (w *fieldWorld) self(name string) tenant.Actor {
	return tenant.Actor{Kind: tenant.ActorUser, ID: w.account(name), Name: name}
}

func (w *fieldWorld) set(field, value string) (FieldValue, error) {
	return w.fields.Set(w.ctx, w.self(ada), org, w.account(ada), field, value)
}

func (w *fieldWorld) confirm(code string) (FieldValue, error) {
	return w.fields.Confirm(w.ctx, w.self(ada), org, w.account(ada), tenant.FieldPhone, code)
}

func (w *fieldWorld) sendCode() (FieldValue, error) {
	return w.fields.SendCode(w.ctx, w.self(ada), org, w.account(ada), tenant.FieldPhone)
}

// code is the last one that was sent.
func (w *fieldWorld) code() string {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.NotEmpty(w, w.sent, "a code was sent")
	return w.sent[len(w.sent)-1].Code.Reveal()
}

// wrong is a code that was not sent.
func (w *fieldWorld) wrong() string {
	if w.code() == "123456" {
		return "654321"
	}
	return "123456"
}

func (w *fieldWorld) value(field string) FieldValue {
	w.Helper()
	list, err := w.fields.Values(w.ctx, w.self(ada), org, w.account(ada))
	require.NoError(w, err)
	for _, v := range list {
		if v.Field == field {
			return v
		}
	}
	w.Fatalf("there is no field %s", field)
	return FieldValue{}
}

func (w *fieldWorld) hostPhone() string { return w.host.byEmail(w, "ada@acme.example").Phone }

func (w *fieldWorld) refused(code string, err error) *FieldRefusal {
	w.Helper()
	r := refusalOf(err)
	require.NotNil(w, r, "expected a refusal with the code %s, got %v", code, err)
	require.Equal(w, code, r.Code)
	require.NotEmpty(w, r.Message)
	return r
}

func TestR57AConfirmedNumber(t *testing.T) {
	w := newFieldWorld(t)
	w.phone(ada, "+49 (0)30 111111")
	require.Equal(t, "+4930111111", w.hostPhone(), "as it can be called")
	first := w.value(tenant.FieldPhone)
	require.Equal(t, FieldFromDirectory, first.Source)
	require.True(t, first.MustConfirm)
	require.False(t, first.Usable(), "nobody has confirmed it")

	v, err := w.set(tenant.FieldPhone, "030 222-222")
	require.NoError(t, err)
	require.Equal(t, "+4930111111", v.Value, "the one before stays until the new one is confirmed")
	require.Equal(t, "+4930222222", v.Pending.Value)
	require.Equal(t, "+4930222222", w.sent[0].To)
	require.Len(t, w.code(), 6)
	require.Equal(t, "+4930111111", w.hostPhone())

	_, err = w.confirm(w.wrong())
	w.refused(CodeCodeWrong, err)
	v, err = w.confirm(" " + w.code()[:3] + "-" + w.code()[3:] + "\u200f")
	require.NoError(t, err)
	require.Equal(t, "+4930222222", v.Value)
	require.True(t, v.Usable())
	require.Nil(t, v.Pending)
	require.Equal(t, "+4930222222", w.hostPhone())
	p := w.fhost.profiles[w.account(ada)]
	require.True(t, p.PhoneConfirmed && p.PhoneMustConfirm && !p.KeepPhone)
	require.Equal(t, "ada@acme.example", p.Email)

	_, err = w.confirm(w.code())
	require.NoError(t, err, "the form sent twice")
	w.phone(ada, "0049 30 11 11 11")
	require.Equal(t, "+4930222222", w.hostPhone(), "the same number in another spelling is no change (R56)")
	w.phone(ada, "+49 30 333333")
	require.Equal(t, "+4930333333", w.hostPhone(), "the directory's number changed")
	require.False(t, w.fhost.profiles[w.account(ada)].PhoneConfirmed, "a new number is to be confirmed again")
	v = w.value(tenant.FieldPhone)
	require.Equal(t, "+4930222222", v.Own, "both are kept")
	require.Equal(t, "+4930333333", v.Directory)

	_, err = w.sendCode()
	require.NoError(t, err)
	v, err = w.confirm(w.code())
	require.NoError(t, err)
	require.Equal(t, FieldFromDirectory, v.Source, "confirming the directory's number does not make it one's own")
	require.True(t, v.Usable())
	_, err = w.sendCode()
	w.refused(CodeNothingToConfirm, err)
	w.attributes(ada, `"x":1`)
	require.Equal(t, "+4930222222", w.hostPhone(), "the directory cleared its number: the person's own is there")
	w.stable()
}

func TestR57WhereNothingMustBeConfirmed(t *testing.T) {
	w := newFieldWorld(t)
	w.prefer(store.SCIMPreferences{PhoneEditable: true, PhoneUnconfirmed: true})
	w.phone(ada, "+49 30 111111")
	v, err := w.set(tenant.FieldPhone, "+1 201 555 0123")
	require.NoError(t, err)
	require.True(t, v.Usable())
	require.Equal(t, "+12015550123", w.hostPhone())
	require.Empty(t, w.sent)
	v, err = w.set(tenant.FieldPhone, " ")
	require.NoError(t, err)
	require.Empty(t, v.Value)
	require.Empty(t, w.hostPhone(), "cleared, and the directory's is older")

	events := w.events(EventFieldChanged)
	require.Equal(t, w.account(ada), events[len(events)-1].Actor.ID)
	require.Contains(t, string(events[len(events)-1].Before), "+12015550123")
	w.phone(ada, "+49 30 333333")
	events = w.events(EventFieldChanged)
	require.Equal(t, system, events[len(events)-1].Actor)
}

func TestR56ALockedField(t *testing.T) {
	w := newFieldWorld(t)
	w.prefer(store.SCIMPreferences{})
	w.phone(ada, "+49 30 111111")
	_, err := w.set(tenant.FieldPhone, "+49 30 222222")
	r := w.refused(CodeFieldLocked, err)
	require.ErrorIs(t, err, ErrLocked)
	require.Equal(t, http.StatusForbidden, r.Status())
	require.Contains(t, r.Message, "Okta")
	require.Contains(t, r.Message, "SCIM preferences")
	require.Equal(t, "+4930111111", w.hostPhone())
	require.Empty(t, w.sent)

	_, err = w.sendCode()
	require.NoError(t, err, "to confirm the directory's number is no change of it")
	_, err = w.confirm(w.code())
	require.NoError(t, err)

	w.directory(func(d *store.Directory) { d.Enabled = false })
	_, err = w.set(tenant.FieldPhone, "+49 30 222222")
	require.NoError(t, err, "nothing is locked while the directory is off")
}

// TestR56ThePreferenceIsTurned: what people had stays as the rule says, and the host is told.
func TestR56ThePreferenceIsTurned(t *testing.T) {
	t.Run("a confirmed number stays", func(t *testing.T) {
		w := newFieldWorld(t)
		w.phone(ada, "+49 30 111111")
		_, err := w.set(tenant.FieldPhone, "+49 30 222222")
		require.NoError(t, err)
		_, err = w.confirm(w.code())
		require.NoError(t, err)
		w.prefer(store.SCIMPreferences{})
		n, err := w.fields.Settle(t.Context(), org)
		require.NoError(t, err)
		require.Zero(t, n)
		w.phone(ada, "+49 30 111111")
		require.Equal(t, "+4930222222", w.hostPhone())
		w.phone(ada, "+49 30 444444")
		require.Equal(t, "+4930444444", w.hostPhone())
	})
	t.Run("an unconfirmed one gives way", func(t *testing.T) {
		w := newFieldWorld(t)
		w.prefer(store.SCIMPreferences{PhoneEditable: true, PhoneUnconfirmed: true})
		w.phone(ada, "+49 30 111111")
		_, err := w.set(tenant.FieldPhone, "+49 30 222222")
		require.NoError(t, err)
		w.prefer(store.SCIMPreferences{})
		_, err = w.e.Reconcile(t.Context(), org)
		require.NoError(t, err)
		require.Equal(t, "+4930111111", w.hostPhone())
		n, err := w.fields.Settle(t.Context(), org)
		require.NoError(t, err)
		require.Zero(t, n, "a second time changes nothing")
		w.prefer(store.SCIMPreferences{PhoneEditable: true, PhoneUnconfirmed: true})
		n, err = w.fields.Settle(t.Context(), org)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, "+4930222222", w.hostPhone(), "nothing was lost")
	})
	t.Run("the sync sees it in the journal", func(t *testing.T) {
		w := newFieldWorld(t)
		w.prefer(store.SCIMPreferences{PhoneEditable: true, PhoneUnconfirmed: true})
		w.phone(ada, "+49 30 111111")
		_, err := w.set(tenant.FieldPhone, "+49 30 222222")
		require.NoError(t, err)
		w.prefer(store.SCIMPreferences{})
		require.NoError(t, w.st.AppendEvents(t.Context(), org, w.ev("directory.preferences_changed", "directory", w.ids["dir"], nil)))
		w.sync()
		require.Equal(t, "+4930111111", w.hostPhone())
		require.False(t, w.fhost.profiles[w.account(ada)].PhoneConfirmed)
		require.True(t, w.fhost.profiles[w.account(ada)].PhoneMustConfirm)
	})
	t.Run("while a code is on its way", func(t *testing.T) {
		w := newFieldWorld(t)
		w.phone(ada, "+49 30 111111")
		_, err := w.set(tenant.FieldPhone, "+49 30 222222")
		require.NoError(t, err)
		w.prefer(store.SCIMPreferences{})
		v, err := w.confirm(w.code())
		w.refused(CodeConfirmChanged, err)
		require.ErrorIs(t, err, ErrLocked)
		require.Nil(t, v.Pending)
		require.Equal(t, "+4930111111", w.hostPhone())
	})
}

// TestR57NumbersThatCannotBeRead: a user is never refused for one.
func TestR57NumbersThatCannotBeRead(t *testing.T) {
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprint("strict ", strict), func(t *testing.T) {
			w := newFieldWorld(t, func(c *FieldsConfig) { c.StrictPhones = strict; c.CallingCode = "" })
			w.phone("bob", "call me")
			require.Empty(t, w.host.byEmail(t, "bob@acme.example").Phone, "accepted, without the number")
			w.phone(ada, "+49 30 111111")
			w.phone(ada, "030 222222")
			want := "+4930111111"
			if strict {
				want = ""
			}
			require.Equal(t, want, w.hostPhone())
			require.Equal(t, "030 222222", w.value(tenant.FieldPhone).DirectoryRefused)
			var found []string
			for _, ev := range w.events(EventFinding) {
				if ev.Code == string(FindingPhoneInvalid) {
					found = append(found, ev.Message)
				}
			}
			require.Len(t, found, 2)
			require.Contains(t, found[1], "030 222222")
			w.phone(ada, "+49 30 222222")
			require.Equal(t, "+4930222222", w.hostPhone())
			require.Empty(t, w.value(tenant.FieldPhone).DirectoryRefused)
		})
	}
}

// TestFieldsRefuseNumbers: what a person enters must be a number, and nothing happens otherwise.
func TestFieldsRefuseNumbers(t *testing.T) {
	w := newFieldWorld(t)
	w.phone(ada, "+49 30 111111")
	for _, bad := range []string{"ada", "112", "+", "+49 30 111111 or so", strings.Repeat("1", 1<<20), "\x00", "\xff", "<b>+4930111111</b>"} {
		_, err := w.set(tenant.FieldPhone, bad)
		r := w.refused(CodePhoneInvalid, err)
		require.Equal(t, http.StatusUnprocessableEntity, r.Status())
		require.Contains(t, r.Message, "+49 30 123456", "it says what is expected")
	}
	require.Equal(t, "+4930111111", w.hostPhone())
	require.Empty(t, w.sent)
	require.Nil(t, w.value(tenant.FieldPhone).Pending)
}

func TestR56FieldsBesideThePhone(t *testing.T) {
	const department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
	w := newFieldWorld(t)
	w.prefer(store.SCIMPreferences{Fields: []store.FieldPreference{{Field: "displayName", UserEditable: true}, {Field: "title", UserEditable: true}}})
	w.attributes(ada, `"Title":"Analyst","urn:ietf:params:scim:schemas:extension:enterprise:2.0:user":{"Department":"Engines"}`)
	id := w.account(ada)
	require.Equal(t, map[string]string{"title": "Analyst", department: "Engines"}, w.fhost.extra[id])

	_, err := w.set("title", "Countess")
	require.NoError(t, err)
	_, err = w.set("displayName", "Ada, Countess of Lovelace")
	require.NoError(t, err)
	require.Equal(t, "Countess", w.fhost.extra[id]["title"])
	require.Equal(t, "Ada, Countess of Lovelace", w.host.byEmail(t, "ada@acme.example").Name)
	_, err = w.set(department, "Poetry")
	w.refused(CodeFieldLocked, err)
	w.attributes(ada, `"title":"Analyst"`)
	require.Equal(t, "Countess", w.fhost.extra[id]["title"])
	require.Equal(t, "Ada, Countess of Lovelace", w.host.byEmail(t, "ada@acme.example").Name)
	require.Empty(t, w.fhost.extra[id][department], "the directory cleared it")

	locks, err := NewLocks(LocksConfig{Store: w.st})
	require.NoError(t, err)
	l, err := locks.Check(t.Context(), org, Resource{Kind: ResourceUser, AccountID: id}, "displayName", OpUpdate)
	require.NoError(t, err)
	require.False(t, l.Locked, "the lock knows the preference")
	l, err = locks.Check(t.Context(), org, Resource{Kind: ResourceUser, AccountID: id}, "givenName", OpUpdate)
	require.NoError(t, err)
	require.True(t, l.Locked)

	for _, bad := range []string{strings.Repeat("x", 257), "two\nlines", "\xff", "nul\x00"} {
		_, err = w.set("title", bad)
		w.refused(CodeFieldInvalid, err)
	}
	w.attributes(ada, `"title":"`+strings.Repeat("y", 300)+`"`)
	require.Equal(t, "Countess", w.fhost.extra[id]["title"])
	require.Contains(t, w.findings(), string(FindingFieldInvalid))

	w.fhost.failSet = func(string, string) error { return errors.New("no") }
	_, err = w.set("title", "Baroness")
	require.ErrorContains(t, err, "set a field")
	require.Equal(t, "Countess", w.value("title").Value, "what the host refused did not happen")
}

func (w *fieldWorld) findings() (codes []string) {
	for _, ev := range w.events(EventFinding) {
		codes = append(codes, ev.Code)
	}
	return codes
}

// TestR56AnAccountThatIsTakenOver: what a person had by hand is their own.
func TestR56AnAccountThatIsTakenOver(t *testing.T) {
	approve := func(w *fieldWorld) {
		plan, err := w.e.PlanConversion(t.Context(), owner, org, Conversion{Entries: []string{"ada@acme.example"}})
		require.NoError(t, err)
		_, err = w.e.ApproveConversion(t.Context(), owner, org, Conversion{Entries: []string{"ada@acme.example"}}, plan.Hash)
		require.NoError(t, err)
	}
	t.Run("the host tells what there is", func(t *testing.T) {
		w := newFieldWorld(t)
		w.host.addUser("u-ada", "ada@acme.example", "member")
		w.host.users["u-ada"].Phone = "+49 30 999999"
		w.fhost.had["u-ada"] = []HostField{{Field: tenant.FieldPhone, Value: "+49 30 999999", Confirmed: true}, {Field: "avatar", Value: "x"}}
		approve(w)
		w.phone(ada, "+49 30 111111")
		v := w.value(tenant.FieldPhone)
		require.Equal(t, "+4930999999", v.Value)
		require.True(t, v.Usable())
		w.prefer(store.SCIMPreferences{})
		w.phone(ada, "+49 30 111111")
		require.Equal(t, "+4930999999", w.value(tenant.FieldPhone).Value, "confirmed, so it stays (R56)")
	})
	t.Run("the host does not tell", func(t *testing.T) {
		w := newFieldWorld(t)
		w.fhost.had = nil
		w.host.addUser("u-ada", "ada@acme.example", "member")
		w.host.users["u-ada"].Phone = "+49 30 999999"
		w.fields.cfg.Target = w.fhost.fakeHost
		approve(w)
		w.phone(ada, "+49 30 111111")
		w.phone(ada, "+49 30 111111")
		w.phone(ada, "+49 30 111111")
		require.Equal(t, "+49 30 999999", w.hostPhone(), "kept until the directory says something else")
		w.phone(ada, "+49 30 222222")
		require.Equal(t, "+4930222222", w.hostPhone())
	})
}

func TestFieldsAskTheAuthorizer(t *testing.T) {
	w := newFieldWorld(t)
	w.phone(ada, "+49 30 111111")
	w.phone("bob", "+49 30 222222")
	id, self, other := w.account(ada), w.self(ada), w.self("bob")
	_, err := w.fields.Set(w.ctx, other, org, id, tenant.FieldPhone, "+49 30 333333")
	require.NoError(t, err, "whom the host lets change others' fields")
	_, err = w.fields.Confirm(w.ctx, other, org, id, tenant.FieldPhone, w.code())
	require.Equal(t, http.StatusForbidden, w.refused(CodeOwnFieldOnly, err).Status(), "nobody confirms for others, even with the code")
	_, err = w.fields.SendCode(w.ctx, other, org, id, tenant.FieldPhone)
	w.refused(CodeOwnFieldOnly, err)
	key := tenant.Actor{Kind: tenant.ActorAPIKey, ID: id}
	_, err = w.fields.Confirm(w.ctx, key, org, id, tenant.FieldPhone, w.code())
	w.refused(CodeOwnFieldOnly, err)

	calls := map[string]func(a tenant.Actor) error{
		"Values": func(a tenant.Actor) error { _, err := w.fields.Values(w.ctx, a, org, id); return err },
		"Set": func(a tenant.Actor) error {
			_, err := w.fields.Set(w.ctx, a, org, id, tenant.FieldPhone, "+49 30 4444444")
			return err
		},
		"SendCode": func(a tenant.Actor) error {
			_, err := w.fields.SendCode(w.ctx, a, org, id, tenant.FieldPhone)
			return err
		},
		"Confirm": func(a tenant.Actor) error {
			_, err := w.fields.Confirm(w.ctx, a, org, id, tenant.FieldPhone, w.code())
			return err
		},
	}
	w.denied = map[tenant.Action]bool{tenant.ActionChangeField: true}
	for name, call := range calls {
		require.ErrorIs(t, call(other), tenant.ErrForbidden, name)
	}
	w.denied = map[tenant.Action]bool{tenant.ActionChangeOwnField: true}
	for name, call := range calls {
		require.ErrorIs(t, call(self), tenant.ErrForbidden, name)
	}
	w.denied = nil
	require.NoError(t, calls["Confirm"](self))

	// Another tenant's, and one by hand.
	for _, who := range []struct{ tenantID, account string }{{"other", id}, {org, "u-root"}, {org, "u-nix"}, {org, ""}} {
		_, err = w.fields.Set(w.ctx, owner, who.tenantID, who.account, tenant.FieldPhone, "+49 30 333333")
		w.refused(CodeFieldNotManaged, err)
		list, err := w.fields.Values(w.ctx, owner, who.tenantID, who.account)
		require.NoError(t, err)
		require.Empty(t, list)
	}
	_, err = w.set("userName", "x")
	w.refused(CodeFieldUnknown, err)
}

func TestNewFieldsRefuses(t *testing.T) {
	w := newFieldWorld(t)
	good := FieldsConfig{Store: w.st, Target: w.fhost, Authorizer: tenant.AuthorizerFunc(allowAll), Sender: CodeSenderFunc(w.send)}
	for want, change := range map[string]func(*FieldsConfig){
		"Store":             func(c *FieldsConfig) { c.Store = nil },
		"Target":            func(c *FieldsConfig) { c.Target = nil },
		"Authorizer":        func(c *FieldsConfig) { c.Authorizer = nil },
		"Sender":            func(c *FieldsConfig) { c.Sender = nil },
		"at most 20":        func(c *FieldsConfig) { c.Fields = make([]Field, 21) },
		"SCIM attribute":    func(c *FieldsConfig) { c.Fields = []Field{{Name: "a b"}} },
		"the directory's":   func(c *FieldsConfig) { c.Fields = []Field{{Name: "userName"}} },
		"already":           func(c *FieldsConfig) { c.Fields = []Field{{Name: "PhoneNumbers"}} },
		"FieldSetter":       func(c *FieldsConfig) { c.Target, c.Fields = w.host, []Field{{Name: "title"}} },
		"code of a country": func(c *FieldsConfig) { c.CallingCode = "+49" },
		"Digits":            func(c *FieldsConfig) { c.Limits.Digits = 4 },
		"Life":              func(c *FieldsConfig) { c.Limits.Life = 48 * time.Hour },
		"Attempts":          func(c *FieldsConfig) { c.Limits.Attempts = 1000 },
		"negative":          func(c *FieldsConfig) { c.Limits.PerTenant = -1 },
	} {
		cfg := good
		change(&cfg)
		_, err := NewFields(cfg)
		require.ErrorContains(t, err, want)
	}
	_, err := NewFields(good)
	require.NoError(t, err)
}
