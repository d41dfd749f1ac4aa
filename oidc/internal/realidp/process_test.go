package realidp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// need skips, or fails with CI=true, and says what to install.
func need(t *testing.T, err error, what string) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("%s: %v", what, err)
}

// cached returns a folder of the user's cache in which fill has put things once for each key.
func cached(t *testing.T, name, key string, fill func(dir string) error) (string, error) {
	t.Helper()
	root, err := os.UserCacheDir()
	if err != nil {
		root = os.TempDir()
	}
	root = filepath.Join(root, "tenantgate-realidp")
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(key))
	dir := filepath.Join(root, name+"-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	// Made beside and renamed when it is whole: no later run finds half of it.
	half, err := os.MkdirTemp(root, "new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(half)
	if err := fill(half); err != nil {
		return "", err
	}
	if err := os.Rename(half, dir); err != nil && !errors.Is(err, fs.ErrExist) { // somebody else was faster
		return "", err
	}
	return dir, nil
}

// run runs a program to its end. An error has all that it said.
func run(t *testing.T, folder, name string, args ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// goProgram builds a provider that is written in Go, in the module that pins its version.
func goProgram(t *testing.T, module, pkg string, flags ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), module)
	args := append(append([]string{"build", "-C", module, "-o", file}, flags...), pkg)
	need(t, run(t, ".", "go", args...), "install gcc (Debian: apt-get install gcc libc6-dev) and let the go command reach its module proxy, to build "+pkg)
	return file
}

// start runs a provider until the test ends, and returns when ready answers with 200.
func start(t *testing.T, ready string, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	said := &output{}
	cmd.Stdout, cmd.Stderr = said, said
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the test's end interrupts it
	}()
	t.Cleanup(func() {
		<-ended
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(name), said)
		}
	})
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		select {
		case <-ended:
			t.Fatalf("%s ended:\n%s", name, said)
		case <-time.After(100 * time.Millisecond):
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ready, http.NoBody)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			continue
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatalf("%s was not ready after two minutes:\n%s", name, said)
}

// output keeps the end of what a program says.
type output struct {
	mu   sync.Mutex
	text []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	if over := len(o.text) - 64<<10; over > 0 {
		o.text = o.text[over:]
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// freePort finds a port of loopback, for programs that can't tell which one the system gave them.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
