package provisioning

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// liftWorld is a world with fields whose people may change none of them, and an account.
func liftWorld(t testing.TB) (*fieldWorld, *Locks, string) {
	w := newFieldWorld(t)
	w.prefer(store.SCIMPreferences{PhoneUnconfirmed: true})
	w.says("Ada", "Analyst", "+49 30 111111")
	locks := newLocks(w.world, func(c *LocksConfig) { c.Fields = []string{"displayName", "title"} })
	return w, locks, w.account(ada)
}

// says is what the directory writes about the person.
func (w *fieldWorld) says(name, title, phone string) {
	w.Helper()
	w.clock.add(time.Minute)
	w.attributes(ada, `"displayName":"`+name+`","title":"`+title+`","phoneNumbers":[{"value":"`+phone+`"}]`)
}

// hostHas is what the host has of each of the three fields.
func (w *fieldWorld) hostHas() map[string]string {
	u := w.host.byEmail(w, "ada@acme.example")
	return map[string]string{"displayName": u.Name, "title": w.fhost.extra[u.ID]["title"], tenant.FieldPhone: u.Phone}
}

// byHost writes a field into the host's own table, past everybody.
func (w *fieldWorld) byHost(field, value string) {
	u := w.host.byEmail(w, "ada@acme.example")
	switch field {
	case "displayName":
		w.host.users[u.ID].Name = value
	case "title":
		w.fhost.extra[u.ID]["title"] = value
	default:
		w.host.users[u.ID].Phone = value
	}
}

// explained is whose value of a field an explanation calls it; that of the profile's fields alone.
func (w *fieldWorld) explained(field string) AttributeSource {
	w.Helper()
	x, err := w.e.Explain(w.Context(), owner, org, w.account(ada))
	require.NoError(w, err)
	for _, a := range x.Attributes {
		if a.Name == field || a.Name == "phone" && field == tenant.FieldPhone {
			return a.Source
		}
	}
	// The title is no attribute of an explanation.
	return map[FieldSource]AttributeSource{FieldFromUser: AttributeUser, FieldFromDirectory: AttributeDirectory}[w.value(field).Source]
}

// everything is what moves values to the host.
func (w *fieldWorld) everything() {
	w.Helper()
	w.sync()
	_, err := w.fields.Settle(w.Context(), org)
	require.NoError(w, err)
	_, err = w.e.Reconcile(w.Context(), org)
	require.NoError(w, err)
}

var liftedFields = []struct{ field, lock, first, second, third, hand, own string }{
	{"displayName", "displayName", "Ada", "Countess", "Baroness", "by hand", "Ada L."},
	{"title", "title", "Analyst", "Head", "Chief", "by hand", "Poet"},
	{tenant.FieldPhone, "phone", "+4930111111", "+4930222222", "+4930333333", "+49 30 999", "+4930444444"},
	{tenant.FieldPhone, "phoneNumbers", "+4930111111", "+4930222222", "+4930333333", "+49 30 999", "+4930444444"},
}

// TestLiftedFieldIsKept: while an owner has lifted the lock of a field, or of the whole user, nothing but
// a change of it by hand reaches the host; when that ends, the directory's value does.
func TestLiftedFieldIsKept(t *testing.T) {
	for _, whole := range []bool{false, true} {
		for _, f := range liftedFields {
			name := f.lock
			if whole {
				name = "whole user, " + name
			}
			t.Run(name, func(t *testing.T) {
				w, locks, id := liftWorld(t)
				_, err := w.set(f.field, f.own)
				w.refused(CodeFieldLocked, err)
				lock := f.lock
				if whole {
					lock = ""
				}
				o := w.lift(locks, lockOf(id), lock)
				v := w.value(f.field)
				require.True(t, v.Editable() && !v.UserEditable)
				require.Equal(t, o, *v.Lifted)
				require.Equal(t, f.first, v.Value)
				require.Equal(t, FieldFromDirectory, v.Source)

				// The host writes its own table; the directory writes, too.
				w.byHost(f.field, f.hand)
				w.says("Countess", "Head", "+49 30 222222")
				w.everything()
				require.Equal(t, f.hand, w.hostHas()[f.field])
				for _, other := range liftedFields {
					if other.field != f.field {
						want := map[bool]string{false: other.second, true: other.first}[whole]
						require.Equal(t, want, w.hostHas()[other.field], "the others follow the directory unless all waits")
					}
				}

				// An owner changes it through Fields, and the person another way.
				v, err = w.fields.Set(t.Context(), owner, org, id, f.field, f.own)
				require.NoError(t, err)
				require.Equal(t, f.own, v.Value)
				require.Equal(t, FieldFromUser, v.Source)
				require.Equal(t, f.own, w.hostHas()[f.field])
				require.Equal(t, AttributeUser, w.explained(f.field))
				w.says("Baroness", "Chief", "+49 30 333333")
				w.everything()
				require.Equal(t, f.own, w.hostHas()[f.field])
				w.stable()
				w.byHost(f.field, f.hand)
				_, err = w.set(f.field, f.own)
				require.NoError(t, err)
				require.Equal(t, f.own, w.hostHas()[f.field], "the same again is given, whatever the host did")
				w.byHost(f.field, f.hand)

				require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
				w.sync()
				require.Equal(t, f.third, w.hostHas()[f.field], "the directory's again")
				v = w.value(f.field)
				require.Nil(t, v.Lifted)
				require.Equal(t, f.third, v.Value)
				require.Equal(t, AttributeDirectory, w.explained(f.field))
				require.Equal(t, FieldFromDirectory, v.Source)
				require.Empty(t, v.Own, "what was entered meanwhile is gone")
				_, err = w.set(f.field, f.own)
				w.refused(CodeFieldLocked, err)
				w.everything()
				require.Equal(t, f.third, w.hostHas()[f.field])
				w.stable()
			})
		}
	}
}

// TestLiftedFieldComesBack: the directory said nothing new meanwhile; only the host changed its table. That
// is replaced when the override ends, by itself or by somebody, also where the host refuses at first.
func TestLiftedFieldComesBack(t *testing.T) {
	for _, f := range liftedFields {
		t.Run("revoked, "+f.lock, func(t *testing.T) {
			w, locks, id := liftWorld(t)
			o := w.lift(locks, lockOf(id), f.lock)
			w.byHost(f.field, f.hand)
			w.everything()
			require.Equal(t, f.hand, w.hostHas()[f.field])
			require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
			w.sync()
			require.Equal(t, f.first, w.hostHas()[f.field])
		})
		t.Run("over, "+f.lock, func(t *testing.T) {
			w, locks, id := liftWorld(t)
			w.lift(locks, lockOf(id), f.lock)
			w.byHost(f.field, f.hand)
			w.clock.add(25 * time.Hour)
			require.Nil(t, w.value(f.field).Lifted)
			_, err := w.set(f.field, f.own)
			w.refused(CodeFieldLocked, err)
			_, err = w.e.Reconcile(t.Context(), org)
			require.NoError(t, err)
			require.Equal(t, f.first, w.hostHas()[f.field])
		})
		t.Run("lifted again at once, "+f.lock, func(t *testing.T) {
			w, locks, id := liftWorld(t)
			o := w.lift(locks, lockOf(id), f.lock)
			_, err := w.set(f.field, f.own)
			require.NoError(t, err)
			require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
			o = w.lift(locks, lockOf(id), f.lock)
			w.everything()
			require.Equal(t, f.own, w.hostHas()[f.field])
			require.Equal(t, f.own, w.value(f.field).Value)
			require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
			w.everything()
			require.Equal(t, f.first, w.hostHas()[f.field])
		})
	}
	t.Run("the host refuses at first", func(t *testing.T) {
		w, locks, id := liftWorld(t)
		o := w.lift(locks, lockOf(id), "title")
		w.byHost("title", "by hand")
		w.fhost.failSet = func(string, string) error { return errors.New("no") }
		require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
		w.sync()
		require.Equal(t, "by hand", w.hostHas()["title"])
		w.fhost.failSet = nil
		w.clock.add(2 * time.Hour)
		w.sync()
		require.Equal(t, "Analyst", w.hostHas()["title"])
	})
}

// TestLiftedFieldsOfOthers: a change of one field brings the host no other one that somebody lifted, nor an
// address that the host has changed under an override.
func TestLiftedFieldsOfOthers(t *testing.T) {
	w, locks, id := liftWorld(t)
	w.lift(locks, lockOf(id), "phone")
	w.lift(locks, lockOf(id), "email")
	w.lift(locks, lockOf(id), "title")
	w.lift(locks, lockOf(id), "displayName")
	w.byHost(tenant.FieldPhone, "+49 30 999")
	w.byHost("title", "by hand")
	w.host.users[id].Email = "ada@home.example"
	_, err := w.fields.Set(t.Context(), owner, org, id, "displayName", "Ada L.")
	require.NoError(t, err)
	u := w.host.users[id]
	require.Equal(t, []string{"Ada L.", "+49 30 999", "ada@home.example", "by hand"}, []string{u.Name, u.Phone, u.Email, w.fhost.extra[id]["title"]})
	p := w.fhost.profiles[id]
	require.False(t, p.Keeps("displayName"))
	require.True(t, p.Keeps("phone") && p.Keeps("phoneNumbers") && p.Keeps("Email") && p.KeepPhone)

	u.Name = "by hand, too"
	_, err = w.fields.Set(t.Context(), owner, org, id, tenant.FieldPhone, "+49 30 444444")
	require.NoError(t, err)
	u = w.host.users[id]
	require.Equal(t, []string{"by hand, too", "+4930444444", "ada@home.example"}, []string{u.Name, u.Phone, u.Email})
}

// TestLiftedNumberIsConfirmed: what must be confirmed must be under a lifted lock, too, and leaves what the
// person had confirmed before.
func TestLiftedNumberIsConfirmed(t *testing.T) {
	w := newFieldWorld(t)
	w.phone(ada, "+49 30 111111")
	_, err := w.set(tenant.FieldPhone, "+49 30 222222")
	require.NoError(t, err)
	_, err = w.confirm(w.code())
	require.NoError(t, err)
	w.prefer(store.SCIMPreferences{}) // the confirmed number stays
	locks := newLocks(w.world)
	o := w.lift(locks, lockOf(w.account(ada)), "phone")
	w.clock.add(time.Hour)

	v, err := w.set(tenant.FieldPhone, "+49 30 333333")
	require.NoError(t, err)
	require.Equal(t, "+4930222222", v.Value)
	require.True(t, v.Confirmed)
	require.Equal(t, "+4930333333", v.Pending.Value)
	v, err = w.confirm(w.code())
	require.NoError(t, err)
	require.Equal(t, "+4930333333", v.Value)
	require.True(t, v.Usable())
	require.Equal(t, "+4930333333", w.hostPhone())
	require.True(t, w.fhost.profiles[w.account(ada)].PhoneConfirmed)
	_, err = w.sendCode()
	w.refused(CodeNothingToConfirm, err)
	_, err = w.set(tenant.FieldPhone, "+49 30 333333")
	require.NoError(t, err, "confirmed already")
	require.Equal(t, "+4930333333", w.hostPhone())

	// A code that is on its way when the override ends changes nothing.
	w.clock.add(time.Hour)
	_, err = w.set(tenant.FieldPhone, "+49 30 444444")
	require.NoError(t, err)
	require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
	_, err = w.confirm(w.code())
	require.Equal(t, http.StatusForbidden, w.refused(CodeConfirmChanged, err).Status())
	w.sync()
	require.Equal(t, "+4930222222", w.hostPhone(), "what the person had confirmed before counts again")
	require.True(t, w.value(tenant.FieldPhone).Usable())
	w.stable()
}

// TestLiftedFieldOfOnesOwn: where people may change a field anyway, what they entered while the whole user
// was lifted is their own, and counts by the usual rule afterwards.
func TestLiftedFieldOfOnesOwn(t *testing.T) {
	w, locks, id := liftWorld(t)
	w.prefer(store.SCIMPreferences{PhoneEditable: true, PhoneUnconfirmed: true})
	o := w.lift(locks, lockOf(id), "")
	w.says("Ada", "Analyst", "+49 30 222222")
	require.Equal(t, "+4930111111", w.hostPhone(), "the directory's waits")
	_, err := w.set(tenant.FieldPhone, "+49 30 333333")
	require.NoError(t, err)
	require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
	w.sync()
	require.Equal(t, FieldFromUser, w.value(tenant.FieldPhone).Source)
	require.Equal(t, "+4930333333", w.hostPhone(), "it came after the directory's")
	w.says("Ada", "Analyst", "+49 30 555555")
	require.Equal(t, "+4930555555", w.hostPhone())
}

// TestLiftedFieldThatIsCleared: an empty value is one, too.
func TestLiftedFieldThatIsCleared(t *testing.T) {
	for _, f := range liftedFields[1:3] {
		w, locks, id := liftWorld(t)
		o := w.lift(locks, lockOf(id), f.lock)
		v, err := w.set(f.field, "")
		require.NoError(t, err)
		require.Empty(t, v.Value)
		w.everything()
		require.Empty(t, w.hostHas()[f.field])
		require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
		w.sync()
		require.Equal(t, f.first, w.hostHas()[f.field])
	}
}

// TestNamesOfLiftedFields: whatever a lock calls a field, its override is of that and no other.
func TestNamesOfLiftedFields(t *testing.T) {
	const department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
	tests := []struct {
		lock      string
		of, notOf []string
	}{
		{"phone", []string{tenant.FieldPhone}, []string{"title", "email"}},
		{"PHONENUMBERS", []string{tenant.FieldPhone}, nil},
		{"mobile", []string{tenant.FieldPhone}, []string{"title"}},
		{"name", []string{attrGivenName, attrFamilyName}, []string{attrDisplayName}},
		{"givenName", []string{attrGivenName}, []string{attrFamilyName}},
		{"name.familyName", []string{attrFamilyName}, []string{attrGivenName}},
		{department, []string{department}, []string{"department", tenant.FieldPhone}},
		{"department", nil, []string{department}},
		{"", []string{tenant.FieldPhone, department, "email", "title"}, nil},
	}
	for _, tt := range tests {
		l := liftedOf([]store.LockOverride{{Kind: string(ResourceUser), AccountID: "a", Field: tt.lock}, {Kind: string(ResourceOrgRole), AccountID: "a"}}, "a", "mobile")
		for _, a := range tt.of {
			require.NotNil(t, l.of(a), "%s is lifted with %q", a, tt.lock)
		}
		for _, a := range tt.notOf {
			require.Nil(t, l.of(a), "%s is not lifted with %q", a, tt.lock)
		}
	}
	require.Empty(t, liftedOf([]store.LockOverride{{Kind: string(ResourceUser), AccountID: "a"}}, "b", "").overrides)
	l := liftedOf([]store.LockOverride{{Kind: string(ResourceUser), AccountID: "a", Field: "name"}}, "a", "")
	require.True(t, Profile{Keep: l.keep()}.Keeps("name"))
	p := Profile{Keep: l.keep(attrGivenName)}
	require.True(t, p.Keeps("familyName") && p.Keeps("name.familyName"))
	require.False(t, p.Keeps("givenName") || p.Keeps("name.givenName") || p.Keeps("name"))
}

// TestR56LocksOfFieldsWithAChoice: a field about which the tenant has a choice is locked by that choice, and
// the lock says so, whether the host declared it or the tenant chose about it.
func TestR56LocksOfFieldsWithAChoice(t *testing.T) {
	w := newFieldWorld(t)
	w.prefer(store.SCIMPreferences{})
	w.attributes(ada, `"title":"Analyst"`)
	id := w.account(ada)
	const department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
	declared := newLocks(w.world, func(c *LocksConfig) { c.Fields = []string{"displayName", "title", "name.givenName", department} })
	plain := newLocks(w.world)
	const preferences = "Change it in Okta, or let people change this field themselves in the SCIM preferences."
	for field, attribute := range map[string]string{"displayName": "displayName", "DISPLAYNAME": "displayName", "title": "title", "givenName": "name.givenName", "name.givenName": "name.givenName", department: department} {
		l := w.lock(declared, lockOf(id), field, OpUpdate)
		require.Equal(t, CodeFieldLocked, l.Code, field)
		require.Equal(t, LockedField, l.Variant)
		require.Equal(t, attribute, l.Field)
		require.Equal(t, preferences, l.HowToChange)
		require.Contains(t, l.Explain("de"), "lassen Sie Personen dieses Feld selbst ändern (SCIM-Einstellungen)")
		require.Equal(t, http.StatusForbidden, problemStatus(t, l))
	}
	l := w.lock(declared, lockOf(id), "phone", OpUpdate)
	require.Contains(t, l.HowToChange, "phone number")
	require.Equal(t, tenant.FieldPhone, l.Field)
	for _, other := range []string{"email", "userName", "familyName", "name"} {
		l := w.lock(declared, lockOf(id), other, OpUpdate)
		require.Equal(t, CodeResourceLocked, l.Code, other)
		require.Empty(t, l.Field)
	}
	require.False(t, w.lock(declared, lockOf(id), "avatar", OpUpdate).Locked)
	require.Equal(t, CodeResourceLocked, w.lock(plain, lockOf(id), "displayName", OpUpdate).Code, "nobody said that there is a choice")

	w.prefer(store.SCIMPreferences{Fields: []store.FieldPreference{{Field: "displayName"}, {Field: "title", UserEditable: true}}})
	require.Equal(t, CodeFieldLocked, w.lock(plain, lockOf(id), "displayName", OpUpdate).Code, "the tenant chose about it")
	require.False(t, w.lock(declared, lockOf(id), "title", OpUpdate).Locked)
	require.True(t, w.lock(declared, lockOf(id), "displayName", OpUpdate).Locked)
	_, err := w.set("displayName", "x")
	require.Contains(t, w.refused(CodeFieldLocked, err).Message, preferences)

	// A part of an extension frees no field of the same name.
	w.prefer(store.SCIMPreferences{Fields: []store.FieldPreference{{Field: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName", UserEditable: true}}})
	require.True(t, w.lock(plain, lockOf(id), "displayName", OpUpdate).Locked)
}

// problemStatus is the status of the problem document of a lock.
func problemStatus(t testing.TB, l Lock) int {
	t.Helper()
	p, ok := ProblemOf(l.Err(), "")
	require.True(t, ok)
	return p.Status
}

// TestFieldsWhileNoDirectoryIsHeard: Fields and Locks agree that nothing is locked while the connection or sign-on is
// suspended; when it works again, the directory's values come back with the sync.
func TestFieldsWhileNoDirectoryIsHeard(t *testing.T) {
	lifecycle := func(w *fieldWorld, state store.ServiceState) {
		l, err := w.st.Lifecycle(t.Context(), org)
		if !notFound(err) {
			require.NoError(t, err)
		}
		l.State = state
		_, err = w.st.PutLifecycle(t.Context(), org, l, w.ev(map[store.ServiceState]string{store.ServiceOn: "tenant.resumed", store.ServiceSuspended: "tenant.suspended"}[state], "tenant", org, nil))
		require.NoError(t, err)
	}
	connection := func(w *fieldWorld, state store.ConnectionState, what string) {
		c, err := w.st.Connection(t.Context(), org, w.ids["conn"])
		require.NoError(t, err)
		c.State = state
		_, err = w.st.UpdateConnection(t.Context(), org, c, w.ev("connection."+what, "connection", c.ID, nil))
		require.NoError(t, err)
	}
	for name, change := range map[string][2]func(w *fieldWorld){
		"the connection": {
			func(w *fieldWorld) { connection(w, store.ConnectionSuspended, "suspended") },
			func(w *fieldWorld) { connection(w, store.ConnectionActive, "activated") },
		},
		"sign-on": {
			func(w *fieldWorld) { lifecycle(w, store.ServiceSuspended) },
			func(w *fieldWorld) { lifecycle(w, store.ServiceOn) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, locks, id := liftWorld(t)
			change[0](w)
			w.sync()
			for _, f := range liftedFields[:3] {
				require.False(t, w.lock(locks, lockOf(id), f.lock, OpUpdate).Locked)
				v, err := w.set(f.field, f.own)
				require.NoError(t, err)
				require.Equal(t, f.own, v.Value)
				require.Equal(t, f.own, w.hostHas()[f.field])
			}
			w.everything()
			require.Equal(t, "Poet", w.hostHas()["title"])
			change[1](w)
			w.sync()
			for _, f := range liftedFields[:3] {
				require.True(t, w.lock(locks, lockOf(id), f.lock, OpUpdate).Locked)
				require.Equal(t, f.first, w.hostHas()[f.field], "the directory decides again")
				_, err := w.set(f.field, f.own)
				w.refused(CodeFieldLocked, err)
			}
		})
	}
}
