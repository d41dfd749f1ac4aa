package provisioning

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	deleteReader = "provisioning.deletions"
	deletePrefix = eventPrefix + "team.delete"
)

// teamDeletions wait by the line of kind [TeamDeletePlanned]; [TeamDelete] or [EventDeleteCancelled]
// closes them.
var teamDeletions = waiting[PlannedDeletion]{
	reader: deleteReader, prefix: deletePrefix, subject: subjectTeam, opens: plannedBy,
	at: func(d PlannedDeletion) (int64, time.Time, string) { return d.Seq, d.DueAt, d.eventID },
}

// PlannedDeletion is a team that will be deleted.
type PlannedDeletion struct {
	TeamID string `json:"teamId"`
	Team   string `json:"team"`
	// GroupID is the group that had it.
	GroupID string `json:"groupId"`
	Group   string `json:"group"`
	// PlannedAt is when the team lost its group, DueAt when it is deleted unless it is in use
	// then, a group has it again, or the settings keep such teams.
	PlannedAt time.Time `json:"plannedAt"`
	DueAt     time.Time `json:"dueAt"`
	Reason    string    `json:"reason"`
	// Seq is the deletion's place in the list, for the page that follows.
	Seq int64 `json:"seq"`

	eventID string
}

// ErrNoDeletion says that no deletion of the team is planned.
var ErrNoDeletion = fmt.Errorf("provisioning: no deletion of this team is planned: %w", store.ErrNotFound)

// PlannedDeletions lists up to limit teams (zero means [store.MaxLimit]) that wait to be
// deleted, by the time of planning, from the first whose Seq is greater than after. Each can
// be cancelled ([Engine.CancelDeletion]). The actor needs [tenant.ActionViewMapping].
func (e *Engine) PlannedDeletions(ctx context.Context, actor tenant.Actor, tenantID string, after int64, limit int) ([]PlannedDeletion, error) {
	return teamDeletions.page(ctx, e, actor, tenantID, after, limit)
}

// CancelDeletion keeps a team that waits to be deleted, as an ordinary one. The error
// matches [ErrNoDeletion] if it does not. The actor needs [tenant.ActionApplyMapping].
func (e *Engine) CancelDeletion(ctx context.Context, actor tenant.Actor, tenantID, teamID string) error {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionApplyMapping, tenantID); err != nil {
		return err
	}
	return e.inTenant(ctx, tenantID, func(tx store.Store) error {
		d, ok, err := teamDeletions.of(ctx, tx, tenantID, teamID)
		switch {
		case err != nil:
			return err
		case !ok:
			return ErrNoDeletion
		}
		ev := e.cancelEvent(d, eventActor(actor), "somebody decided to keep the team")
		ev.Origin = actor.Origin.Event()
		return tx.AppendEvents(ctx, tenantID, ev)
	})
}

// cancelEvent closes a deletion. Its line says what the team is: an ordinary one.
func (e *Engine) cancelEvent(d PlannedDeletion, actor store.EventActor, reason string) store.Event {
	ev := e.lineEvent(Line{Kind: TeamRelease, TeamID: d.TeamID, Team: d.Team, GroupID: d.GroupID, Group: d.Group, Reason: reason})
	ev.Type, ev.Actor = EventDeleteCancelled, actor
	return ev
}

// plannedBy reads the event that opens a deletion.
func plannedBy(ev store.Event) (PlannedDeletion, bool) {
	var l Line
	if ev.Type != eventPrefix+string(TeamDeletePlanned) || json.Unmarshal(ev.After, &l) != nil {
		return PlannedDeletion{}, false
	}
	return PlannedDeletion{
		TeamID: ev.Subject.ID, Team: l.Team, GroupID: l.GroupID, Group: l.Group,
		PlannedAt: ev.At, DueAt: l.DueAt, Reason: l.Reason, Seq: ev.Seq, eventID: ev.ID,
	}, true
}

// cancelDeletions closes all deletions of a tenant whose settings keep such teams now.
func (e *Engine) cancelDeletions(ctx context.Context, tx store.Store, tenantID string, actor store.EventActor) error {
	open, err := teamDeletions.open(ctx, tx, tenantID)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(open, store.MaxLimit) {
		events := make([]store.Event, len(chunk))
		for i, d := range chunk {
			events[i] = e.cancelEvent(d, actor, keptNow)
		}
		if err := tx.AppendEvents(ctx, tenantID, events...); err != nil {
			return err
		}
	}
	return nil
}

const keptNow = "the settings keep such teams now"

// deletes says whether there can be deletions that wait.
func (e *Engine) deletes() bool {
	_, ok := e.cfg.Target.(TeamDeleter)
	return ok && e.cfg.DeleteAfter > 0
}

// deleteDue deletes the teams whose time has come.
func (e *Engine) deleteDue(ctx context.Context, tenantID string) error {
	if !e.deletes() {
		return nil
	}
	return teamDeletions.due(ctx, e, tenantID, e.deletions, e.deleteTeam)
}

// deleteTeam deletes one team whose time has come, or finds why it stays; closed is
// false if it is to be looked at again.
func (e *Engine) deleteTeam(ctx context.Context, tenantID string, d PlannedDeletion) (closed bool, err error) {
	return teamDeletions.finish(ctx, e, tenantID, d.TeamID, d, func(tx store.Store, s store.ProvisioningSettings) error {
		line := Line{Kind: TeamDelete, TeamID: d.TeamID, Team: d.Team, GroupID: d.GroupID, Group: d.Group, Reason: d.Reason}
		why, err := e.whyKept(ctx, tx, tenantID, d, s)
		if err != nil {
			return err
		}
		if why != "" {
			return tx.AppendEvents(ctx, tenantID, e.cancelEvent(d, system, why))
		}
		return tx.AppendEvents(ctx, tenantID, e.lineEvent(line))
	})
}

// whyKept deletes the team, unless there is a reason to keep it.
func (e *Engine) whyKept(ctx context.Context, tx store.Store, tenantID string, d PlannedDeletion, s store.ProvisioningSettings) (string, error) {
	if s.Unmanaged.Teams != store.TeamDelete {
		return keptNow, nil
	}
	owned, err := tx.Grants(ctx, tenantID, "")
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(owned, func(g store.Grant) bool { return g.Kind == store.GrantTeam && g.ResourceID == d.TeamID }) {
		return "a group has the team again", nil
	}
	if _, ok := e.cfg.Target.(TeamDeleter); !ok {
		return "the application deletes no teams any more", nil
	}
	deleted, err := e.deleteIfUnused(ctx, tx, tenantID, d.TeamID)
	if err != nil {
		return "", err
	}
	if !deleted {
		return "the team is in use", nil
	}
	return "", nil
}

// planDeletion says on the line when the team goes.
func (e *Engine) planDeletion(l *Line) {
	l.DueAt = store.Time(e.cfg.Now().Add(e.cfg.DeleteAfter))
}

// spanText is a length of time for people.
func spanText(d time.Duration) string {
	switch {
	case d%(24*time.Hour) == 0 && d > 24*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d%time.Hour == 0 && d > time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return d.String()
}
