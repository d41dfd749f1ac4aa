package provisioning

import (
	"context"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// byClaim says whether what gave something is a claim's value.
func byClaim(id string) bool {
	a, _, _ := valueIn(id)
	return a == store.AuthorityClaims
}

// byClaims says that nothing but claims gave it.
func (m managed) byClaims() bool {
	return len(m.groups) > 0 && !slices.ContainsFunc(m.groups, func(id string) bool { return !byClaim(id) })
}

// claimsLifted says why no claims are heard: no sign-in at a connection that counts can bring any.
func (r *lockReader) claimsLifted(ctx context.Context, a store.RoleAuthority, connections []store.Connection) (LockLift, error) {
	lift := LiftedConnection
	for _, c := range connections {
		if c.State != store.ConnectionActive || c.ChangeOf != "" || a.ConnectionID != "" && a.ConnectionID != c.ID {
			continue
		}
		refusal, err := tenant.CheckDirectory(ctx, r.tx, r.tenantID, c.ID)
		if err != nil || refusal == nil {
			return "", err
		}
		lift = liftOf(refusal.Code)
	}
	return lift, nil
}

// freeOf returns what says whether a right that was given is free all the same: nothing that gave it is heard, or somebody
// lifted its lock. provisioned says that a directory has the person.
func freeOf(ctx context.Context, locks *Locks, tx store.Store, tenantID string, now time.Time) (func(c Change, given []RightSource, provisioned bool) bool, error) {
	r := &lockReader{locks: locks, tx: tx, tenantID: tenantID, now: now}
	var err error
	if r.dirs, err = tx.Directories(ctx, tenantID); err != nil {
		return nil, err
	}
	settings, err := settingsOf(ctx, tx, tenantID)
	if err != nil {
		return nil, err
	}
	claims := hears(settings.Authority, store.AuthorityClaims)
	if len(r.dirs) == 0 && !claims {
		return func(Change, []RightSource, bool) bool { return true }, nil
	}
	if r.sync, err = r.loadSync(ctx); err != nil {
		return nil, err
	}
	return func(c Change, given []RightSource, provisioned bool) bool {
		if _, lifted := r.override(c); lifted {
			return true
		}
		if onlyClaims(given) {
			return !claims || r.sync.claimsLifted != ""
		}
		return len(r.dirs) == 0 || r.sync.lifted != "" || !provisioned
	}, nil
}

// onlyClaims says that of what a right has from elsewhere nothing but claims gave it.
func onlyClaims(given []RightSource) bool {
	only := false
	for _, g := range given {
		switch g.Source {
		case SourceManual, SourceDefault, SourceOverride:
			continue
		}
		if !byClaim(string(g.Source)) {
			return false
		}
		only = true
	}
	return only
}

// free takes back that a right is locked, where it is not.
func (r *ExplainedRight) free(c Change, provisioned bool, free func(c Change, given []RightSource, provisioned bool) bool) {
	r.Locked = r.Locked && !free(c, r.Sources, provisioned)
}
