package provisioning

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestLiftedFieldsInAnyOrder plays random stories of a directory, an owner who lifts locks of fields and of the whole user,
// people and the host's own tables. While a field is lifted, the host has what was written there last by hand; as soon as it
// is not, and the sync has run, it has what the directory says.
func TestLiftedFieldsInAnyOrder(t *testing.T) {
	fields := liftedFields[:3]
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 7)) // #nosec G404 -- a test that is to be repeatable
			w, locks, id := liftWorld(t)
			says := map[string]string{}
			hostHas := map[string]string{}
			for _, f := range fields {
				says[f.field], hostHas[f.field] = f.first, f.first
			}
			lifted := map[string]store.LockOverride{} // by the override's field; empty is the whole user
			isLifted := func(f int) bool {
				_, whole := lifted[""]
				_, field := lifted[fields[f].lock]
				return whole || field
			}
			var story []string
			for range 30 {
				f := rnd.IntN(len(fields))
				name := fields[f].field
				value := fmt.Sprintf("value %d", rnd.IntN(4))
				if f == 2 {
					value = fmt.Sprintf("+493055500%d", rnd.IntN(4))
				}
				w.clock.add(time.Minute)
				step := [...]string{"says", "set", "host", "lift", "lift", "revoke", "revoke", "settle", "reconcile", "expire"}[rnd.IntN(10)]
				story = append(story, step+" "+name+" "+value)
				switch step {
				case "says":
					says[name] = value
					w.says(says["displayName"], says["title"], says[fields[2].field])
				case "set":
					_, err := w.set(name, value)
					if !isLifted(f) {
						w.refused(CodeFieldLocked, err)
						break
					}
					require.NoError(t, err)
					hostHas[name] = value
				case "host":
					if isLifted(f) { // the host asks the lock before it writes
						w.byHost(name, value)
						hostHas[name] = value
					}
				case "lift", "revoke":
					lock := fields[f].lock
					if rnd.IntN(3) == 0 {
						lock = ""
					}
					o, is := lifted[lock]
					switch {
					case step == "lift" && !is:
						lifted[lock] = w.lift(locks, lockOf(id), lock)
					case step == "revoke" && is:
						require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
						delete(lifted, lock)
						w.sync()
					}
				case "settle":
					_, err := w.fields.Settle(t.Context(), org)
					require.NoError(t, err)
				case "reconcile":
					_, err := w.e.Reconcile(t.Context(), org)
					require.NoError(t, err)
				case "expire":
					if rnd.IntN(3) == 0 {
						w.clock.add(25 * time.Hour)
						clear(lifted)
						_, err := w.e.Reconcile(t.Context(), org)
						require.NoError(t, err)
					}
				}
				for i := range fields {
					if !isLifted(i) {
						hostHas[fields[i].field] = says[fields[i].field]
					}
				}
				require.Equal(t, hostHas, w.hostHas(), strings.Join(story, "\n"))
				for i := range fields {
					v := w.value(fields[i].field)
					require.Equal(t, isLifted(i), v.Lifted != nil, strings.Join(story, "\n"))
					require.Equal(t, isLifted(i), v.Editable())
				}
			}
		})
	}
}
