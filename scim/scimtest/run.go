package scimtest

import (
	"context"
	"testing"
)

// Run plays the providers' scripts against the server and makes a subtest of each provider and of each of its steps;
// the output of a failed one tells what was expected, why, and what was sent and came back. A step that could not be
// tried fails as well. A wrong Config ends the test.
//
// With -run one provider or one step can be selected. Steps depend on earlier ones, so a provider's script is always
// played as a whole. Tests that run at the same time may call Run, against the same server too.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	if err := cfg.fill(); err != nil {
		t.Fatal(err)
	}
	for _, p := range cfg.Providers {
		t.Run(string(p), func(t *testing.T) {
			for _, st := range playScript(t.Context(), &cfg, p).Steps {
				t.Run(st.Name, func(t *testing.T) {
					if !st.OK() {
						t.Error("\n" + st.String())
					}
				})
			}
		})
	}
}

// Check plays the providers' scripts against the server, one after another, and reports what came of it. The error is
// about cfg, or that of a ctx that ended, in which case the report names what was not tried; a server that behaves
// badly, or is not there, is no error but in the report. What the scripts made is deleted even when ctx has ended.
// Several calls may run at once, against the same server too.
func Check(ctx context.Context, cfg Config) (Report, error) {
	if err := cfg.fill(); err != nil {
		return Report{}, err
	}
	report := Report{BaseURL: cfg.BaseURL}
	for _, p := range cfg.Providers {
		report.Scripts = append(report.Scripts, playScript(ctx, &cfg, p))
	}
	return report, ctx.Err()
}
