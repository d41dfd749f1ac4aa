package scim_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/scim/scimtest"
)

// plantFault tells TestRunOfFaulty, in a process of its own, to fail.
const plantFault = "SCIMTEST_PLANT_FAULT"

func TestRunOfFaulty(t *testing.T) {
	if os.Getenv(plantFault) == "" {
		return // TestRun starts it
	}
	h, _ := newHandler(t)
	scimtest.Run(t, call(each("/Users", func(object) object { return nil })(h), scimtest.Google, scimtest.OneLogin))
}

// Run fails the steps that fail, and them alone; -run selects.
func TestRun(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	run := func(selected string) (string, error) {
		cmd := exec.CommandContext(t.Context(), self, "-test.v", "-test.run", selected)
		cmd.Env = append(os.Environ(), plantFault+"=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run("^TestRunOfFaulty$")
	require.Error(t, err)
	require.Contains(t, out, "--- FAIL: TestRunOfFaulty/google/suspend_the_user ")
	require.Contains(t, out, "FAIL  suspend the user\n")
	require.Contains(t, out, "because:  Google suspends people")
	require.Contains(t, out, `> {"Operations":[{"op":"replace","path":"active","value":false}]`)
	require.Contains(t, out, "--- PASS: TestRunOfFaulty/google/clean_up ")
	require.Contains(t, out, "--- PASS: TestRunOfFaulty/onelogin ", "it suspends by PUT")

	out, err = run("^TestRunOfFaulty$/^google$/^delete_the_user")
	require.NoError(t, err, out)
	require.NotContains(t, out, "onelogin")
	require.Contains(t, out, "--- PASS: TestRunOfFaulty/google/delete_the_user,_twice")
}
