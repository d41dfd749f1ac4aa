package peers

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	// What the quick start serves is built by a child process, which the cache of test results does not see: with these
	// a change of it runs the peers again.
	_ "github.com/tenantgate/tenantgate/provisioning"
	_ "github.com/tenantgate/tenantgate/scim"
	_ "github.com/tenantgate/tenantgate/store/memory"
	_ "github.com/tenantgate/tenantgate/store/postgres"
	_ "github.com/tenantgate/tenantgate/store/sqlite"
)

// folder is where the program is built, for all tests.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "peers"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(folder) // the system cleans up where we can't
	os.Exit(code)
}

// program builds the quick start. Its module is another one, whose insides are not ours to import.
var program = sync.OnceValues(func() (string, error) {
	file := filepath.Join(folder, "quickstart")
	out, err := exec.Command("go", "build", "-C", "../../../examples", "-o", file, "./quickstart").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build of the quick start: %w\n%s", err, out)
	}
	return file, nil
})

// started runs the quick start on a store and returns the environment in which a peer finds it.
func started(t *testing.T, store string) []string {
	t.Helper()
	file, err := program()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), file, "-addr", "127.0.0.1:0", "-idp-addr", "127.0.0.1:0", "-store", store, "-scim-policy", "open", "-json")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	// The context has ended by then.
	t.Cleanup(func() { _ = cmd.Wait() })

	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	require.NoError(t, err, "the quick start did not start: %s", &stderr)
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	var announced struct {
		Tenants []struct {
			URL   string `json:"scim_base_url"`
			Token string `json:"scim_token"`
		} `json:"tenants"`
	}
	require.NoError(t, json.Unmarshal(line, &announced))
	require.NotEmpty(t, announced.Tenants)
	return append(os.Environ(), "PEER_URL="+announced.Tenants[0].URL, "PEER_TOKEN="+announced.Tenants[0].Token)
}

// run runs a peer's program and returns what it printed. An error has all that it said.
func run(t *testing.T, env []string, name string, args ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out, &stderr)
	}
	return out, err
}
