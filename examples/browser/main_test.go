package browser

import (
	"os"
	"testing"
)

// need fails the test where the environment has CI=true, and else skips it with what to install.
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

// TestMain ends what the tests share: one Chromium and one quick start.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, end := range endings {
		if err := end(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// endings are what TestMain calls, in order.
var endings []func() error
