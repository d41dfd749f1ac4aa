package scimtest

import (
	"context"
	"testing"
)

// Run plays the providers' scripts against the server and makes a subtest of each provider and of each of its steps;
// the output of a failed one tells what was expected, why, and what was sent and came back. A wrong Config ends the
// test. Steps depend on earlier ones, so a script is always played as a whole, whatever -run selects of its steps.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	if err := cfg.fill(); err != nil {
		t.Fatal(err)
	}
	for _, p := range cfg.Providers {
		t.Run(string(p), func(t *testing.T) {
			for _, st := range playScript(t.Context(), &cfg, p).Steps {
				t.Run(st.Name, func(t *testing.T) {
					switch {
					case st.Skipped != "":
						t.Skip(st.Skipped)
					case !st.OK():
						t.Error("\n" + st.String())
					}
				})
			}
		})
	}
}

// Check plays the providers' scripts against the server and reports what came of it. The error is about cfg, or that
// of a ctx that ended, in which case the report holds what was done until then; a server that behaves badly, or is
// not there, is no error but in the report. Scripts run one after another, and what they made is deleted even when
// ctx has ended. Several calls may run at once, against the same server too.
func Check(ctx context.Context, cfg Config) (Report, error) {
	if err := cfg.fill(); err != nil {
		return Report{}, err
	}
	report := Report{BaseURL: cfg.BaseURL}
	for _, p := range cfg.Providers {
		report.Scripts = append(report.Scripts, playScript(ctx, &cfg, p))
		if err := ctx.Err(); err != nil {
			return report, err
		}
	}
	return report, nil
}
