package provisioning

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// repeatFinding is how long the same finding is recorded once: directories write the same
// again every few minutes, and comparing everybody finds all of them each time.
const repeatFinding = 24 * time.Hour

// recordFindings writes to the journal what a plan left undone, unless it says so already.
func (e *Engine) recordFindings(ctx context.Context, tx store.Store, plan *Plan) error {
	var events []store.Event
	for _, f := range plan.Findings {
		if f.Code.ofPreview() {
			continue
		}
		ev := e.findingEvent(f)
		known, err := recorded(ctx, tx, plan.TenantID, f, ev)
		if err != nil {
			return err
		}
		if !known {
			events = append(events, ev)
		}
	}
	if len(events) == 0 {
		return nil
	}
	return tx.AppendEvents(ctx, plan.TenantID, events...)
}

// recorded says whether the newest findings about the subject have this one.
func recorded(ctx context.Context, tx store.Store, tenantID string, f Finding, ev store.Event) (bool, error) {
	newest, err := tx.Events(ctx, tenantID, store.EventQuery{SubjectKind: ev.Subject.Kind, SubjectID: ev.Subject.ID, TypePrefix: EventFinding, Newest: true, Limit: 20})
	if err != nil {
		return false, err
	}
	for _, have := range newest {
		var was Finding
		if ago := ev.At.Sub(have.At).Abs(); ago < repeatFinding && json.Unmarshal(have.After, &was) == nil && was == f {
			return true, nil
		}
	}
	return false, nil
}
