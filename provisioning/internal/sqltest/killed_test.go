package sqltest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// A program that is to be killed is this test, run again with these set.
const (
	envDir   = "SQLTEST_DIR"
	envWhere = "SQLTEST_ELSEWHERE"
	envKill  = "SQLTEST_KILL" // the call to be killed at, from 1; negative: after it; 0: never
)

// TestSyncInAProgramOfItsOwn is that program: one sync, and perhaps its end.
func TestSyncInAProgramOfItsOwn(t *testing.T) {
	dir := os.Getenv(envDir)
	if dir == "" {
		t.Skip("run by TestKilledBetweenCalls")
	}
	at, err := strconv.Atoi(os.Getenv(envKill))
	require.NoError(t, err)
	r := onSQLite(t, dir, os.Getenv(envWhere) == "true")
	n := 0
	kill := func(when bool) {
		if when {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal comes
		}
	}
	r.app.Before = func(string) { n++; kill(n == at) }
	r.app.After = func(string) { kill(n == -at) }
	r.sync()
	fmt.Printf("calls=%d\n", n)
}

// program runs a sync in a program of its own, and says how many calls of the host it
// made, or that it was killed.
func program(t *testing.T, dir string, elsewhere bool, at int) (calls int, killed bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSyncInAProgramOfItsOwn$", "-test.v")
	cmd.Env = append(os.Environ(), envDir+"="+dir, envWhere+"="+strconv.FormatBool(elsewhere), envKill+"="+strconv.Itoa(at))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
		return 0, true
	}
	require.NoError(t, err, string(out))
	_, rest, found := strings.Cut(string(out), "calls=")
	require.True(t, found, string(out))
	calls, err = strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(t, err)
	return calls, false
}

// killStory writes what the directory does before the sync that is killed.
func killStory(r *replica) {
	r.group("A")
	r.group("B")
	r.user("ada", "ben", "cem")
	r.members("A", []string{"ada", "ben"}, nil)
	r.set(store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member", OrgRole: "administrator"}})
	r.sync()
	r.user("dan", "old")
	r.members("B", []string{"ben", "cem", "dan"}, nil)
	r.members("A", nil, []string{"ada"})
	r.renameGroup("A", "A2")
	r.group("C", "dan")
	r.active("cem", false)
}

// TestKilledBetweenCalls kills the program between calls of the host, and runs another one
// on the same files: the end is that of a program that was not killed.
func TestKilledBetweenCalls(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		t.Run(map[bool]string{false: "here", true: "elsewhere"}[elsewhere], func(t *testing.T) {
			dir := t.TempDir()
			whole := onSQLite(t, dir, elsewhere)
			killStory(whole)
			calls, _ := program(t, dir, elsewhere, 0)
			require.Greater(t, calls, 10)
			want, told := whole.state(), whole.told()
			step := 2 // the in-memory test stops at each call, before it and after it
			for at := 1; at <= calls; at += step {
				for _, sign := range []int{1, -1} {
					if (at/step)%2 == (sign+1)/2 {
						continue // before one, after the next
					}
					t.Run(strconv.Itoa(sign*at), func(t *testing.T) {
						dir := t.TempDir()
						r := onSQLite(t, dir, elsewhere)
						killStory(r)
						_, killed := program(t, dir, elsewhere, sign*at)
						require.True(t, killed)
						_, killed = program(t, dir, elsewhere, 0)
						require.False(t, killed)
						require.Equal(t, want, r.state())
						for what, n := range r.told() {
							require.LessOrEqual(t, n, told[what], what)
						}
						if !elsewhere {
							require.Equal(t, told, r.told())
						}
						r.stable()
					})
				}
			}
		})
	}
}
