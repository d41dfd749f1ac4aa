package pages

import (
	"errors"

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

func messageOf(err error) string {
	var refusal *tenant.Error
	if errors.As(err, &refusal) {
		return refusal.Message
	}
	return "That is not possible now."
}
