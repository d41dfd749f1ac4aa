package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// A deletion waits (U11). It is kept in the journal: the line of kind [TeamDeletePlanned]
// opens it, [TeamDelete] or [EventDeleteCancelled] closes it, and a position in the journal
// stays in front of the oldest that is open.
const (
	deleteReader = "provisioning.deletions"
	deletePrefix = eventPrefix + "team.delete"
	deleteAfter  = 7 * 24 * time.Hour
	deleteAgain  = time.Hour // after the host refused
)

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
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewMapping, tenantID); err != nil {
		return nil, err
	}
	if limit <= 0 || limit > store.MaxLimit {
		limit = store.MaxLimit
	}
	open, err := openDeletions(ctx, e.cfg.Store, tenantID)
	if err != nil {
		return nil, err
	}
	open = slices.DeleteFunc(open, func(d PlannedDeletion) bool { return d.Seq <= after })
	return open[:min(limit, len(open))], nil
}

// CancelDeletion keeps a team that waits to be deleted, as an ordinary one. The error
// matches [ErrNoDeletion] if it does not. The actor needs [tenant.ActionApplyMapping].
func (e *Engine) CancelDeletion(ctx context.Context, actor tenant.Actor, tenantID, teamID string) error {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionApplyMapping, tenantID); err != nil {
		return err
	}
	return e.inTenant(ctx, tenantID, func(tx store.Store) error {
		d, ok, err := deletionOf(ctx, tx, tenantID, teamID)
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

// deletionOf finds the open deletion of a team.
func deletionOf(ctx context.Context, tx store.Store, tenantID, teamID string) (PlannedDeletion, bool, error) {
	last, err := tx.Events(ctx, tenantID, store.EventQuery{SubjectKind: subjectTeam, SubjectID: teamID, TypePrefix: deletePrefix, Newest: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return PlannedDeletion{}, false, err
	}
	d, ok := plannedBy(last[0])
	return d, ok, nil
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

// openDeletions returns the deletions that are planned, in order.
func openDeletions(ctx context.Context, st store.Store, tenantID string) ([]PlannedDeletion, error) {
	after, err := st.Position(ctx, tenantID, deleteReader)
	if err != nil {
		return nil, err
	}
	open := map[string]PlannedDeletion{}
	for {
		page, err := st.Events(ctx, tenantID, store.EventQuery{After: after, TypePrefix: deletePrefix})
		if err != nil {
			return nil, err
		}
		for _, ev := range page {
			delete(open, ev.Subject.ID)
			if d, ok := plannedBy(ev); ok {
				open[d.TeamID] = d
			}
		}
		if len(page) < store.MaxLimit {
			break
		}
		after = page[len(page)-1].Seq
	}
	out := make([]PlannedDeletion, 0, len(open))
	for _, d := range open {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b PlannedDeletion) int { return int(a.Seq - b.Seq) })
	return out, nil
}

// cancelDeletions closes all deletions of a tenant whose settings keep such teams now.
func (e *Engine) cancelDeletions(ctx context.Context, tx store.Store, tenantID string, actor store.EventActor) error {
	open, err := openDeletions(ctx, tx, tenantID)
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

// deletionCheck remembers when the journal, up to a place, has to be looked at again.
type deletionCheck struct {
	end int64
	due time.Time
}

// nothingDue says whether none of the deletions is due that were looked at up to a place in the journal, or were planned since
// then, up to end. It reads what is new alone: many may wait, for days, while every change comes by here.
func (e *Engine) nothingDue(ctx context.Context, tenantID string, checks map[string]deletionCheck, end int64, prefix string, due func(store.Event) (time.Time, bool)) (bool, error) {
	e.mu.Lock()
	check, known := checks[tenantID]
	e.mu.Unlock()
	if !known || check.end > end {
		return false, nil
	}
	for from := check.end; from < end; {
		page, err := e.cfg.Store.Events(ctx, tenantID, store.EventQuery{After: from, Before: end + 1, TypePrefix: prefix})
		if err != nil {
			return false, err
		}
		for _, ev := range page {
			if at, ok := due(ev); ok && at.Before(check.due) {
				check.due = at
			}
		}
		if from = end; len(page) == store.MaxLimit {
			from = page[len(page)-1].Seq
		}
	}
	check.end = end
	e.mu.Lock()
	checks[tenantID] = check
	e.mu.Unlock()
	return e.cfg.Now().Before(check.due), nil
}

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
	st := e.cfg.Store
	end, err := st.Position(ctx, tenantID, reader)
	if err != nil {
		return err
	}
	if nothing, err := e.nothingDue(ctx, tenantID, e.deletions, end, deletePrefix, func(ev store.Event) (time.Time, bool) {
		d, ok := plannedBy(ev)
		return d.DueAt, ok
	}); err != nil || nothing {
		return err
	}
	from, err := st.Position(ctx, tenantID, deleteReader)
	if err != nil || from >= end {
		return err
	}
	open, err := openDeletions(ctx, st, tenantID)
	if err != nil {
		return err
	}
	to, next := end, e.cfg.Now().Add(deleteAfter)
	var errs []error
	for _, d := range open {
		wait := d.DueAt
		if !e.cfg.Now().Before(d.DueAt) {
			closed, err := e.deleteTeam(ctx, tenantID, d)
			if err != nil {
				errs = append(errs, err)
			}
			if closed {
				continue
			}
			wait = e.cfg.Now().Add(deleteAgain)
		}
		to = min(to, d.Seq-1)
		if wait.Before(next) {
			next = wait
		}
	}
	if to > from {
		if err := st.SavePosition(ctx, tenantID, deleteReader, from, to); err != nil && !errors.Is(err, store.ErrStale) { // another engine moved it
			errs = append(errs, err)
		}
	}
	e.mu.Lock()
	e.deletions[tenantID] = deletionCheck{end, next}
	e.mu.Unlock()
	return errors.Join(errs...)
}

// deleteTeam deletes one team whose time has come, or finds why it stays; closed is
// false if it is to be looked at again.
func (e *Engine) deleteTeam(ctx context.Context, tenantID string, d PlannedDeletion) (closed bool, err error) {
	err = e.inTenant(ctx, tenantID, func(tx store.Store) error {
		closed = true
		now, ok, err := deletionOf(ctx, tx, tenantID, d.TeamID)
		if err != nil || !ok || now.eventID != d.eventID {
			return err // somebody closed it
		}
		s, err := settingsOf(ctx, tx, tenantID)
		if err != nil {
			return err
		}
		if s.Paused {
			closed = false
			return nil
		}
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
	var he *hostError
	if errors.As(err, &he) && ctx.Err() == nil {
		e.cfg.Logger.WarnContext(ctx, "provisioning: the host refused to delete a team; tried again later", "tenant", tenantID, "team", d.TeamID, "error", err)
		return false, nil
	}
	return closed && err == nil, err
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
