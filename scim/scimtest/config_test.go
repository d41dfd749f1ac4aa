package scimtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/scim/scimtest"
)

func TestConfig(t *testing.T) {
	good := scimtest.Config{BaseURL: "https://app.example.com/scim", Token: "sk_very_secret"}
	for name, change := range map[string]func(*scimtest.Config){
		"BaseURL has to be":    func(c *scimtest.Config) { c.BaseURL = "" },
		"absolute":             func(c *scimtest.Config) { c.BaseURL = "/scim" },
		"http":                 func(c *scimtest.Config) { c.BaseURL = "ftp://app.example.com" },
		"without user":         func(c *scimtest.Config) { c.BaseURL = "https://u:sk_very_secret@app.example.com" },
		"query":                func(c *scimtest.Config) { c.BaseURL += "?key=sk_very_secret" },
		"Token is required":    func(c *scimtest.Config) { c.Token = "" },
		"line's end":           func(c *scimtest.Config) { c.Token += "\n" },
		"UserDomain":           func(c *scimtest.Config) { c.UserDomain = "@acme.example" },
		"Members":              func(c *scimtest.Config) { c.Members = 4 },
		`Providers has "keys"`: func(c *scimtest.Config) { c.Providers = []scimtest.Provider{"keys"} },
	} {
		cfg := good
		change(&cfg)
		report, err := scimtest.Check(t.Context(), cfg)
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "sk_very_secret")
		require.False(t, report.OK(), "nothing was tried")
	}
}
