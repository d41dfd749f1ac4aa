package provisioning

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestR57TheWaitIsTheAccounts: who clears what waits, or takes another field, waits between two codes all the same.
func TestR57TheWaitIsTheAccounts(t *testing.T) {
	w := newFieldWorld(t)
	w.prefer(store.SCIMPreferences{PhoneEditable: true, Fields: []store.FieldPreference{{Field: "title", UserEditable: true, MustConfirm: true}}})
	w.phone(ada, "+49 30 111111")
	_, err := w.set(tenant.FieldPhone, "+49 30 222222")
	require.NoError(t, err)
	for _, clear := range []string{"", "+49 30 111111"} {
		if clear == "" {
			_, err = w.set(tenant.FieldPhone, clear)
			require.NoError(t, err)
			require.Nil(t, w.value(tenant.FieldPhone).Pending)
		}
		_, err = w.set(tenant.FieldPhone, "+49 30 222222")
		r := w.refused(CodeResendTooSoon, err)
		require.Positive(t, r.RetryAfter)
		require.LessOrEqual(t, r.RetryAfter, time.Minute)
	}
	_, err = w.set("title", "Analyst")
	w.refused(CodeResendTooSoon, err)
	require.Len(t, w.sent, 1)
	w.clock.add(time.Minute)
	_, err = w.set("title", "Analyst")
	require.NoError(t, err)
	w.clock.add(time.Minute)
	_, err = w.set(tenant.FieldPhone, "+49 30 222222")
	require.NoError(t, err)
	require.Len(t, w.sent, 3)
}

// TestR57GuessingFillsNoJournal: guesses that count no more are told once for each code.
func TestR57GuessingFillsNoJournal(t *testing.T) {
	for name, over := range map[string]func(*fieldWorld) string{
		"too many": func(w *fieldWorld) string {
			for range 5 {
				_, err := w.confirm(w.wrong())
				w.refused(CodeCodeWrong, err)
			}
			return CodeTooManyAttempts
		},
		"too old": func(w *fieldWorld) string {
			w.clock.add(time.Hour)
			return CodeCodeExpired
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := asked(t)
			code := over(w)
			before := len(w.events(EventFieldRefused))
			for range 20 {
				_, err := w.confirm(w.code())
				w.refused(code, err)
			}
			told := w.events(EventFieldRefused)[before:]
			require.Len(t, told, 1)
			require.Equal(t, code, told[0].Code)
		})
	}
}

// TestR57StaffAreNotThePerson: the host's staff may have IDs of their own, one of which is an account's by chance.
func TestR57StaffAreNotThePerson(t *testing.T) {
	w := asked(t)
	staff := tenant.Actor{Kind: tenant.ActorStaff, ID: w.account(ada), Name: "Sam"}
	_, err := w.fields.Confirm(t.Context(), staff, org, w.account(ada), tenant.FieldPhone, w.code())
	w.refused(CodeOwnFieldOnly, err)
	w.denied[tenant.ActionChangeField] = true
	_, err = w.fields.Set(t.Context(), staff, org, w.account(ada), tenant.FieldPhone, "+49 30 333333")
	require.ErrorIs(t, err, tenant.ErrForbidden, "for others it is another right")
	_, err = w.confirm(w.code())
	require.NoError(t, err)
}
