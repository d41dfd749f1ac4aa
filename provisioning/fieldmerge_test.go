package provisioning

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

var fieldStart = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// TestR56WhoWins plays what directory and person do with a field, one after the other:
// "idp A" is a write of the directory, "user B" a change by the person, "confirm B" one that
// was confirmed. The clock moves an hour with each.
func TestR56WhoWins(t *testing.T) {
	editable, locked := tenant.FieldPolicy{Field: "phoneNumbers", UserEditable: true}, tenant.FieldPolicy{Field: "phoneNumbers"}
	tests := []struct {
		name   string
		steps  []string
		policy tenant.FieldPolicy
		want   string
		source FieldSource
	}{
		{"nothing", nil, editable, "", ""},
		{"the directory's", []string{"idp A"}, editable, "A", FieldFromDirectory},
		{"the person's own after it", []string{"idp A", "user B"}, editable, "B", FieldFromUser},
		{"the same from the directory again", []string{"idp A", "user B", "idp A", "idp A"}, editable, "B", FieldFromUser},
		{"another from the directory", []string{"idp A", "user B", "idp C"}, editable, "C", FieldFromDirectory},
		{"and the person's after that", []string{"idp A", "user B", "idp C", "user B"}, editable, "B", FieldFromUser},
		{"the directory clears its value", []string{"idp A", "idp -"}, editable, "", ""},
		{"the directory clears, the person has one", []string{"idp A", "user B", "idp -"}, editable, "B", FieldFromUser},
		{"the directory's later one is cleared", []string{"idp A", "user B", "idp C", "idp -"}, editable, "B", FieldFromUser},
		{"the person clears", []string{"idp A", "user -"}, editable, "", FieldFromUser},
		{"the person clears, the directory changes", []string{"idp A", "user -", "idp C"}, editable, "C", FieldFromDirectory},
		{"the preference is turned: an unconfirmed one gives way", []string{"idp A", "user B"}, locked, "A", FieldFromDirectory},
		{"the preference is turned: and to nothing", []string{"user B"}, locked, "", ""},
		{"the preference is turned: a confirmed one stays", []string{"idp A", "confirm B"}, locked, "B", FieldFromUser},
		{"the preference is turned: until the directory changes", []string{"idp A", "confirm B", "idp C"}, locked, "C", FieldFromDirectory},
		{"the preference is turned: a cleared one comes back", []string{"idp A", "user -"}, locked, "A", FieldFromDirectory},
		{"what cannot be read leaves the one before", []string{"idp A", "idp ?"}, editable, "A", FieldFromDirectory},
		{"what cannot be read leaves the person's", []string{"idp A", "user B", "idp ?"}, editable, "B", FieldFromUser},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, now := store.AccountField{Field: "phoneNumbers"}, fieldStart
			for _, step := range tt.steps {
				now = now.Add(time.Hour)
				f = play(t, f, step, now, false)
			}
			value, source := inForce(f, tt.policy)
			require.Equal(t, tt.want, value)
			require.Equal(t, tt.source, source)
		})
	}

	t.Run("strict: what cannot be read is none", func(t *testing.T) {
		f := play(t, store.AccountField{}, "idp A", fieldStart, true)
		f = play(t, f, "idp ?", fieldStart.Add(time.Hour), true)
		value, _ := inForce(f, editable)
		require.Empty(t, value)
		require.Equal(t, "?", f.Refused, "and what came is kept to be looked at")
		f = play(t, f, "idp A", fieldStart.Add(2*time.Hour), true)
		require.Empty(t, f.Refused)
	})
	t.Run("a person's change comes after what the directory said, whatever the clocks", func(t *testing.T) {
		f := play(t, store.AccountField{}, "idp A", fieldStart.Add(time.Hour), false)
		f = play(t, f, "user B", fieldStart, false)
		value, _ := inForce(f, editable)
		require.Equal(t, "B", value)
	})
	t.Run("a directory's write that is handled late is as old as it is", func(t *testing.T) {
		f := play(t, store.AccountField{}, "user B", fieldStart.Add(time.Hour), false)
		f = play(t, f, "idp A", fieldStart, false)
		value, _ := inForce(f, editable)
		require.Equal(t, "B", value)
	})
}

func play(t *testing.T, f store.AccountField, step string, now time.Time, strict bool) store.AccountField {
	t.Helper()
	var who, value string
	_, err := fmt.Sscan(step, &who, &value)
	require.NoError(t, err)
	if value == "-" {
		value = ""
	}
	switch who {
	case "idp":
		if value == "?" {
			return hear(f, heard{refused: "?", at: now}, strict)
		}
		return hear(f, heard{value: value, at: now}, strict)
	case "confirm":
		f.Confirmed, f.ConfirmedAt = value, now
	}
	return own(f, value, now)
}

// TestR56WhoWinsInAnyOrder compares any sequence with a model that keeps the whole
// history, and no state: the last change of each side is looked for in it.
func TestR56WhoWinsInAnyOrder(t *testing.T) {
	values := []string{"", "A", "B", "C"}
	type entry struct {
		user  bool
		value string
		at    time.Time
	}
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- a test that is to be repeatable
		f, now := store.AccountField{}, fieldStart
		var history []entry
		confirmed := ""
		for range rnd.IntN(12) {
			now = now.Add(time.Duration(1+rnd.IntN(1000)) * time.Second)
			e := entry{user: rnd.IntN(2) == 0, value: values[rnd.IntN(len(values))], at: now}
			if e.user {
				if e.value != "" && rnd.IntN(2) == 0 {
					confirmed, f.Confirmed = e.value, e.value
				}
				f = own(f, e.value, now)
			} else {
				f = hear(f, heard{value: e.value, at: now}, false)
				require.Equal(t, f, hear(f, heard{value: e.value, at: now.Add(time.Minute)}, false), "the same again changes nothing")
			}
			history = append(history, e)
		}
		for _, policy := range []tenant.FieldPolicy{{UserEditable: true}, {}} {
			// The model.
			var mine, theirs *entry
			last := ""
			for i, e := range history {
				switch {
				case e.user:
					mine = &history[i]
				case e.value != last:
					theirs, last = &history[i], e.value
				}
			}
			if mine != nil && !policy.UserEditable && (mine.value == "" || mine.value != confirmed) {
				mine = nil
			}
			want := ""
			switch {
			case mine != nil && (theirs == nil || theirs.value == "" || mine.at.After(theirs.at)):
				want = mine.value
			case theirs != nil:
				want = theirs.value
			}
			got, _ := inForce(f, policy)
			require.Equal(t, want, got, "seed %d, policy %+v, history %+v", seed, policy, history)
		}
	}
}

func TestPutField(t *testing.T) {
	var list []store.AccountField
	for _, name := range []string{"m", "z", "a", "m"} {
		before := slices.Clone(list)
		next := putField(list, store.AccountField{Field: name, Own: name})
		require.Equal(t, before, list)
		list = next
	}
	require.Equal(t, []store.AccountField{{Field: "a", Own: "a"}, {Field: "m", Own: "m"}, {Field: "z", Own: "z"}}, list)
	require.Equal(t, store.AccountField{Field: "x"}, fieldOf(list, "x"))
}
