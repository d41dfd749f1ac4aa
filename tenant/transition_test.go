package tenant

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// life is the transition table as a reader of the requirements writes it: for each
// state, in the order of lifeSteps, where the step leads. A dash is a refusal.
const life = `
             save              submit    ask               approve  reject   withdraw  activate apply   suspend   delete
draft        draft             submitted -                 -        -        -         -        -       -         deleted
submitted    -                 -         needs_information approved rejected withdrawn -        -       -         -
needs_information needs_information submitted -            -        rejected withdrawn -        -       -         -
approved     -                 -         needs_information -        rejected withdrawn active   deleted -         -
active       -                 -         -                 -        -        -         -        -       suspended -
rejected     draft             -         -                 -        -        -         -        -       -         deleted
withdrawn    draft             -         -                 -        -        -         -        -       -         deleted
suspended    -                 -         -                 -        -        -         active   -       -         deleted
deleted      -                 -         -                 -        -        -         -        -       -         -
`

func TestTransitionTable(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(life), "\n")
	steps := strings.Fields(lines[0])
	require.Len(t, steps, len(transitions))
	states := map[string]bool{}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		state := store.ConnectionState(cells[0])
		states[cells[0]] = true
		require.Len(t, cells, len(steps)+1)
		var possible []Step
		for i, step := range steps {
			to, err := next(state, Step(step))
			if want := cells[i+1]; want != "-" {
				require.NoError(t, err, "%s %s", state, step)
				require.Equal(t, want, string(to), "%s %s", state, step)
				possible = append(possible, Step(step))
				continue
			}
			require.ErrorIs(t, err, store.ErrConflict, "%s %s", state, step)
			require.NotEmpty(t, CodeOf(err))
		}
		slices.Sort(possible)
		of := func(steps []Step, not Step) []Step {
			return slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return s == not })
		}
		require.ElementsMatch(t, of(possible, StepApply), Steps(store.Connection{State: state}))
		require.ElementsMatch(t, of(possible, StepActivate), Steps(store.Connection{State: state, ChangeOf: "c1"}))
	}
	require.Len(t, states, 9)
}

// TestEveryMethodObeysTheTable calls the method of each step in each state.
func TestEveryMethodObeysTheTable(t *testing.T) {
	states := []store.ConnectionState{
		store.ConnectionDraft, store.ConnectionSubmitted, store.ConnectionNeedsInformation, store.ConnectionApproved, store.ConnectionActive,
		store.ConnectionRejected, store.ConnectionWithdrawn, store.ConnectionSuspended, store.ConnectionDeleted,
	}
	methods := map[Step]func(w *world, c Connection) error{
		StepSave: func(w *world, c Connection) error {
			_, _, err := w.SaveDraft(t.Context(), owner, "t1", c.ID, c.Version, acme())
			return err
		},
		StepSubmit: func(w *world, c Connection) error {
			_, _, err := w.Submit(t.Context(), owner, "t1", c.ID, c.Version)
			return err
		},
		StepAsk: func(w *world, c Connection) error {
			_, err := w.AskForInformation(t.Context(), staff, "t1", c.ID, c.Version, "?")
			return err
		},
		StepApprove: func(w *world, c Connection) error {
			_, _, err := w.Approve(t.Context(), staff, "t1", c.ID, c.Version)
			return err
		},
		StepReject: func(w *world, c Connection) error {
			_, err := w.Reject(t.Context(), staff, "t1", c.ID, c.Version, "no")
			return err
		},
		StepWithdraw: func(w *world, c Connection) error {
			_, err := w.Withdraw(t.Context(), owner, "t1", c.ID, c.Version)
			return err
		},
		StepActivate: func(w *world, c Connection) error {
			_, err := w.Activate(t.Context(), owner, "t1", c.ID, c.Version, Activation{})
			return err
		},
		StepApply: func(w *world, c Connection) error {
			_, err := w.ApplyChange(t.Context(), owner, "t1", c.ID, c.Version, false)
			return err
		},
		StepSuspend: func(w *world, c Connection) error {
			_, err := w.Suspend(t.Context(), owner, "t1", c.ID, c.Version, "")
			return err
		},
		StepDelete: func(w *world, c Connection) error {
			return w.Delete(t.Context(), owner, "t1", c.ID, c.Version)
		},
	}
	require.Len(t, methods, len(transitions))
	for step, call := range methods {
		for _, state := range states {
			t.Run(fmt.Sprintf("%s when %s", step, state), func(t *testing.T) {
				w := newWorld(t)
				c := w.approved(t, "t1", acme())
				w.prove(t, "t1", c)
				w.tested(t, "t1", c)
				raw, err := w.store.Connection(t.Context(), "t1", c.ID)
				require.NoError(t, err)
				raw.State = state
				raw, err = w.store.UpdateConnection(t.Context(), "t1", raw)
				require.NoError(t, err)
				c = viewOf(raw, nil)

				want, nextErr := nextOf(raw, step)
				if step == StepSubmit && (state == store.ConnectionSubmitted || state == store.ConnectionApproved) {
					want, nextErr = state, nil // a double click
				}
				err = call(w, c)
				after, readErr := w.store.Connection(t.Context(), "t1", c.ID)
				require.NoError(t, readErr)
				switch {
				case nextErr == nil:
					require.NoError(t, err)
					require.Equal(t, want, after.State)
				case state == store.ConnectionDeleted:
					require.ErrorIs(t, err, store.ErrNotFound)
					require.Equal(t, raw, after)
				default:
					require.ErrorIs(t, err, store.ErrConflict)
					require.Equal(t, CodeOf(nextErr), CodeOf(err))
					require.Equal(t, raw, after, "a refused step must change nothing")
				}
			})
		}
	}
}
