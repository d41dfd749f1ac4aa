package pages

import (
	"github.com/tenantgate/tenantgate/tenant"
)

// byField sorts findings to their inputs.
func byField(findings []tenant.Finding) map[string][]tenant.Finding {
	out := map[string][]tenant.Finding{}
	for _, f := range findings {
		out[f.Field] = append(out[f.Field], f)
	}
	return out
}
