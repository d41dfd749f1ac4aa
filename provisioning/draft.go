package provisioning

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	draftKind = "mapping_draft"
	// draftLife is how long a draft is kept after its last change.
	draftLife = 7 * 24 * time.Hour
)

// Errors of drafts. Both match [store.ErrStale].
var (
	// ErrDraftChanged says that the draft is not the one that the change was made for: the
	// same person changed it in another window.
	ErrDraftChanged = fmt.Errorf("provisioning: the draft was changed elsewhere; look at it again: %w", store.ErrStale)
	// ErrDraftOutdated says that somebody applied other settings since the draft was begun: take them
	// over with [Engine.RebaseDraft], or begin anew with [Engine.DropDraft].
	ErrDraftOutdated = fmt.Errorf("provisioning: other settings were applied since the draft was begun; keep the draft on top of them, or discard it: %w", store.ErrStale)
)

// Draft is what a person is about to change in a tenant's settings. It is kept for seven days after
// its last change, for this person alone, so that a page may be loaded again and a long list of rows be
// changed row by row. Nothing of it is in force before its preview is applied.
type Draft struct {
	// Settings are the tenant's with the changes. Their Version is that of the settings with which
	// the draft began; it stands in Version, too.
	Settings store.ProvisioningSettings `json:"settings"`
	Version  int64                      `json:"version"`
	// Revision grows with each change. It is zero while there is no draft.
	Revision int64 `json:"revision"`
	// Changed says that the settings differ from those in force.
	Changed bool `json:"changed"`
	// Outdated says that other settings were applied since it was begun.
	Outdated bool `json:"outdated"`
	// Preview is KeptPlan.ID of a preview of just this draft; empty if there is none.
	Preview string `json:"preview,omitempty"`
	// UpdatedAt is when it was changed last.
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

// draftKey names an actor's draft.
func draftKey(a tenant.Actor) string {
	sum := sha256.Sum256([]byte(string(a.Kind) + "\x00" + a.ID))
	return hex.EncodeToString(sum[:])
}

// settle says how the draft stands to the settings in force.
func (d *Draft) settle(stored store.ProvisioningSettings) {
	d.Changed = !sameChoices(d.Settings, stored)
	if !d.Changed { // whoever applied the same made this the present one
		d.Settings, d.Version = stored, stored.Version
	}
	d.Settings.Meta, d.Outdated = stored.Meta, d.Version != stored.Version
	d.Settings.Version = d.Version
}

// Draft returns the actor's draft, or the settings in force with Revision zero if there is none. The
// actor needs [tenant.ActionViewMapping].
func (e *Engine) Draft(ctx context.Context, actor tenant.Actor, tenantID string) (Draft, error) {
	stored, err := e.Settings(ctx, actor, tenantID)
	if err != nil {
		return Draft{}, err
	}
	var d Draft
	err = readNote(ctx, e.cfg.Store, tenantID, draftKind, draftKey(actor), &d, e.cfg.Now())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Draft{Settings: stored, Version: stored.Version}, nil
	case err != nil:
		return Draft{}, err
	}
	d.settle(stored)
	return d, nil
}

// ChangeDraft changes the actor's draft, or begins one. revision is Draft.Revision of the one that the
// change was made for. change gets a copy of its settings; their version, pause and lifted locks are not
// its business and stay. It may be called more than once. The error matches [ErrDraftChanged] if the draft is another by now, is what change
// returned, or a [SettingsError] if the settings could not be followed then; the draft stays as it was.
// The actor needs [tenant.ActionEditMapping].
func (e *Engine) ChangeDraft(ctx context.Context, actor tenant.Actor, tenantID string, revision int64, change func(s *store.ProvisioningSettings) error) (Draft, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionEditMapping, tenantID); err != nil {
		return Draft{}, err
	}
	return e.writeDraft(ctx, actor, tenantID, revision, func(tx store.Store, d *Draft, stored store.ProvisioningSettings) error {
		s := cloneSettings(d.Settings)
		if err := change(&s); err != nil {
			return err
		}
		s.Meta, s.Paused, s.Pause, s.Overrides = d.Settings.Meta, d.Settings.Paused, d.Settings.Pause, d.Settings.Overrides
		// What was looked at when it was put into the draft is not looked at with each change.
		known := cloneSettings(stored)
		known.Rows = append(known.Rows, d.Settings.Rows...)
		known.Auto.Adopt = append(known.Auto.Adopt, d.Settings.Auto.Adopt...)
		known.Auto.Skip = append(known.Auto.Skip, d.Settings.Auto.Skip...)
		known.Auto.Names = append(known.Auto.Names, d.Settings.Auto.Names...)
		s, err := e.checkSettings(ctx, tx, tenantID, s, known)
		d.Settings = s
		return err
	})
}

// RebaseDraft keeps the actor's draft on top of settings that were applied since: its rules stay, and
// the preview shows what they change in those. The errors and rights are as with [Engine.ChangeDraft].
func (e *Engine) RebaseDraft(ctx context.Context, actor tenant.Actor, tenantID string, revision int64) (Draft, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionEditMapping, tenantID); err != nil {
		return Draft{}, err
	}
	return e.writeDraft(ctx, actor, tenantID, revision, func(_ store.Store, d *Draft, stored store.ProvisioningSettings) error {
		d.Version, d.Settings.Meta, d.Settings.Overrides, d.Settings.Paused, d.Settings.Pause = stored.Version, stored.Meta, stored.Overrides, stored.Paused, stored.Pause
		return nil
	})
}

// DropDraft forgets the actor's draft; if there is none it does nothing. The actor needs
// [tenant.ActionEditMapping].
func (e *Engine) DropDraft(ctx context.Context, actor tenant.Actor, tenantID string) error {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionEditMapping, tenantID); err != nil {
		return err
	}
	return e.dropDraft(ctx, actor, tenantID)
}

func (e *Engine) dropDraft(ctx context.Context, actor tenant.Actor, tenantID string) error {
	_, err := e.cfg.Store.TakeToken(ctx, tenantID, draftKind, draftKey(actor), store.Time(e.cfg.Now()))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// PreviewDraft computes what the actor's draft would do and keeps it ([Engine.KeepPlan]). The error
// matches [ErrDraftOutdated] if other settings were applied since the draft was begun. The actor needs
// [tenant.ActionEditMapping].
func (e *Engine) PreviewDraft(ctx context.Context, actor tenant.Actor, tenantID string) (KeptPlan, error) {
	d, err := e.Draft(ctx, actor, tenantID)
	if err != nil {
		return KeptPlan{}, err
	}
	if d.Outdated {
		return KeptPlan{}, ErrDraftOutdated
	}
	plan, err := e.Preview(ctx, actor, tenantID, d.Settings)
	if err != nil {
		return KeptPlan{}, err
	}
	kept, err := e.KeepPlan(ctx, actor, tenantID, plan)
	if err != nil || d.Revision == 0 {
		return kept, err
	}
	return kept, e.notePreview(ctx, actor, tenantID, d.Revision, kept.ID)
}

// notePreview writes down which plan is the preview of a draft, unless the draft is another by now.
func (e *Engine) notePreview(ctx context.Context, actor tenant.Actor, tenantID string, revision int64, id string) error {
	_, err := e.putDraft(ctx, actor, tenantID, revision, func(_ store.Store, d *Draft, _ store.ProvisioningSettings) error {
		d.Preview = id
		return nil
	})
	if errors.Is(err, ErrDraftChanged) {
		return nil
	}
	return err
}

// writeDraft is putDraft for what changes the draft.
func (e *Engine) writeDraft(ctx context.Context, actor tenant.Actor, tenantID string, revision int64, fn func(tx store.Store, d *Draft, stored store.ProvisioningSettings) error) (Draft, error) {
	return e.putDraft(ctx, actor, tenantID, revision, func(tx store.Store, d *Draft, stored store.ProvisioningSettings) error {
		d.Revision++
		d.Preview, d.UpdatedAt = "", store.Time(e.cfg.Now())
		return fn(tx, d, stored)
	})
}

// putDraft lets fn work on the draft, and stores what it makes of it.
func (e *Engine) putDraft(ctx context.Context, actor tenant.Actor, tenantID string, revision int64, fn func(tx store.Store, d *Draft, stored store.ProvisioningSettings) error) (Draft, error) {
	var d Draft
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) error {
		stored, err := settingsOf(ctx, tx, tenantID)
		if err != nil {
			return err
		}
		d = Draft{}
		err = takeNote(ctx, tx, tenantID, draftKind, draftKey(actor), &d, e.cfg.Now())
		switch {
		case errors.Is(err, store.ErrNotFound):
			d = Draft{Settings: stored, Version: stored.Version}
		case err != nil:
			return err
		}
		if d.Revision != revision {
			return ErrDraftChanged
		}
		d.settle(stored)
		if err := fn(tx, &d, stored); err != nil {
			return err
		}
		d.settle(stored)
		return putNote(ctx, tx, tenantID, draftKind, draftKey(actor), d, e.cfg.Now().Add(draftLife))
	})
	if errors.Is(err, store.ErrConflict) { // begun in two windows at once
		err = ErrDraftChanged
	}
	if err != nil {
		return Draft{}, err
	}
	return d, nil
}

func cloneSettings(s store.ProvisioningSettings) store.ProvisioningSettings {
	s.Rows, s.Auto.Adopt, s.Auto.Skip, s.Auto.Names = slices.Clone(s.Rows), slices.Clone(s.Auto.Adopt), slices.Clone(s.Auto.Skip), slices.Clone(s.Auto.Names)
	return s
}

// sameChoices compares what an owner chooses.
func sameChoices(a, b store.ProvisioningSettings) bool {
	return a.Mode == b.Mode && a.RoleRule == b.RoleRule && a.DefaultOrgRole == b.DefaultOrgRole && a.Unmanaged == b.Unmanaged &&
		a.OnDeprovision == b.OnDeprovision && slices.Equal(a.Rows, b.Rows) && bytes.Equal(asJSON(a.Auto), asJSON(b.Auto))
}
