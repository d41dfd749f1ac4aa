package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// announcement is what the quick start's -json prints.
type announcement struct {
	AppURL    string `json:"app_url"`
	PortalURL string `json:"portal_url"`
	IDPURL    string `json:"idp_url"`
	StateURL  string `json:"state_url"`
	Tenants   []struct {
		ID          string
		Domain      string
		OwnerEmail  string `json:"owner_email"`
		SCIMBaseURL string `json:"scim_base_url"`
		SCIMToken   string `json:"scim_token"`
	}
}

const (
	password = "correct horse battery" // everybody's, as the start page says
	staff    = "review@oncall.example"
)

// build makes the program as a newcomer would.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tenantgate-browser-")
	if err != nil {
		return "", err
	}
	endings = append(endings, func() error { return os.RemoveAll(dir) })
	bin := filepath.Join(dir, "quickstart")
	cmd := exec.Command("go", "build", "-o", bin, "./quickstart")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return bin, nil
})

// begin starts a quick start and returns what ends it.
func begin() (a announcement, end func() error, err error) {
	bin, err := build()
	if err != nil {
		return a, nil, err
	}
	cmd := exec.Command(bin, "-addr", "127.0.0.1:0", "-idp-addr", "127.0.0.1:0", "-json")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return a, nil, err
	}
	if err := cmd.Start(); err != nil {
		return a, nil, err
	}
	end = func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("the quick start stops without an error when it is asked to: %w", err)
		}
		return nil
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		err = json.Unmarshal([]byte(line), &a)
	}
	return a, end, err
}

// shared is the quick start of the tests that leave its third organisation alone.
var shared = sync.OnceValues(func() (announcement, error) {
	a, end, err := begin()
	if end != nil {
		endings = append([]func() error{end}, endings...) // before its folder goes
	}
	return a, err
})

// fresh starts a quick start of the test's own, in which Initech has no sign-on yet.
func fresh(t *testing.T) announcement {
	t.Helper()
	a, end, err := begin()
	if end != nil {
		t.Cleanup(func() { require.NoError(t, end()) })
	}
	require.NoError(t, err)
	return a
}

func sharedQuickstart(t *testing.T) announcement {
	t.Helper()
	a, err := shared()
	require.NoError(t, err)
	return a
}

// portal is a page of an organisation's owners.
func (a announcement) portal(org, path string) string {
	return a.AppURL + "/settings/sso/t/" + org + path
}
