package tenant

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	// SetupLinkPrefix begins the token of every set-up link, so that secret scanners recognise one.
	SetupLinkPrefix = "tgl_"
	// MaxSetupLinks is how many links of a tenant may be in force at a time.
	MaxSetupLinks = 20

	kindSetupLink = "setup_link"
	// keptSetupLinks is how many links a tenant has at most, ended ones included: the oldest of these make room.
	keptSetupLinks = 200
	// setupLinkKept is how long an ended link is listed. The journal tells of it after that.
	setupLinkKept = 90 * day
	// linkTries is how often a change of a link is tried when somebody else was faster.
	linkTries = 20
)

// The defaults of [NewSetupLink], and what can be asked for at most.
const (
	DefaultSetupOpenWithin = 7 * day
	DefaultSetupSessionTTL = 5 * time.Hour
	DefaultSetupMaxOpens   = 10
	MaxSetupOpenWithin     = 30 * day
	MaxSetupSessionTTL     = 24 * time.Hour
	MaxSetupMaxOpens       = 100
)

// SetupLinkState says how far a set-up link has come.
type SetupLinkState string

// The states of a set-up link.
const (
	SetupLinkWaiting   SetupLinkState = "waiting"   // nobody has opened it yet
	SetupLinkOpen      SetupLinkState = "open"      // a browser has it, until ExpiresAt
	SetupLinkCompleted SetupLinkState = "completed" // what it was for is done
	SetupLinkRevoked   SetupLinkState = "revoked"
	SetupLinkExpired   SetupLinkState = "expired"
)

// SetupLink is a link with which an administrator who has no account with the host sets up a part of a tenant's sign-on:
// often somebody of the customer's IT whom the owner asks. It holds nothing that opens it.
type SetupLink struct {
	ID       string
	TenantID string
	// Name and Email are those of the person whom it is meant for.
	Name  string
	Email string
	// Intents are what it is for, Done those that were reached.
	Intents []Intent
	Done    []Intent
	State   SetupLinkState
	// CreatedBy is who made it.
	CreatedBy store.EventActor
	CreatedAt time.Time
	// ExpiresAt is until when it must be opened, and once it was, until when the work must be done.
	ExpiresAt time.Time
	// Opens is how often it was opened, MaxOpens how often it can be.
	Opens, MaxOpens int
	// These are zero for what has not happened. LastUsedAt is exact to a minute.
	OpenedAt, LastOpenedAt, LastUsedAt, RevokedAt, CompletedAt time.Time
}

func (l SetupLink) clone() SetupLink {
	l.Intents, l.Done = slices.Clone(l.Intents), slices.Clone(l.Done)
	return l
}

// NewSetupLink is what an owner chooses for a link.
type NewSetupLink struct {
	// Name is whom the link is meant for, as the journal names them: 1 to 100 characters.
	Name string
	// Email is their address, if known. Nothing is sent there.
	Email string
	// Intents are what they may do, at least one.
	Intents []Intent
	// OpenWithin is how long the link can wait for being opened. Zero means [DefaultSetupOpenWithin].
	OpenWithin time.Duration
	// SessionTTL is how long it works from the first opening on. Zero means [DefaultSetupSessionTTL].
	SessionTTL time.Duration
	// MaxOpens is how often it can be opened. Zero means [DefaultSetupMaxOpens].
	MaxOpens int
}

// CreatedSetupLink is a new link with what opens it.
type CreatedSetupLink struct {
	SetupLink
	// Token opens the link. It is nowhere else: only its hash is stored.
	Token Secret
	// URL is the address to hand on, below Config.SetupLinkBaseURL; empty without that.
	URL Secret
}

// CreateSetupLink makes a link. Its token is returned this once. Whoever has the link may do what its intents allow, so an
// [Authorizer] gives [ActionManageSetupLinks] to nobody who may not do that.
//
// A store without [store.SetupLinkStore] gives an error matching [errors.ErrUnsupported], here and in all that follows.
func (s *Service) CreateSetupLink(ctx context.Context, actor Actor, tenantID string, n NewSetupLink) (CreatedSetupLink, error) {
	if err := s.allow(ctx, actor, ActionManageSetupLinks, tenantID); err != nil {
		return CreatedSetupLink{}, err
	}
	now := s.time()
	l, findings := parseSetupLink(n, now)
	if err := refuse(findings); err != nil {
		return CreatedSetupLink{}, err
	}
	if _, err := s.organisation(ctx, tenantID); err != nil {
		return CreatedSetupLink{}, err
	}
	in, err := s.Included(ctx, tenantID)
	if err != nil {
		return CreatedSetupLink{}, err
	}
	for _, i := range n.Intents {
		if !i.included(in) {
			return CreatedSetupLink{}, forbidden(ErrorCodePlanRequired, "What the intent %s is for is not included in this organisation's plan.", i)
		}
	}
	token, err := newAPIKey(SetupLinkPrefix)
	if err != nil {
		return CreatedSetupLink{}, err
	}
	l.Meta = store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}
	l.Hash, l.CreatedBy = s.cfg.Regions.hashToken(token.Reveal()), actor.event()
	err = s.changeInService(ctx, tenantID, func(tx store.Store) error {
		st, err := setupLinks(tx)
		if err != nil {
			return err
		}
		if err := s.makeRoom(ctx, st, tenantID); err != nil {
			return err
		}
		e, err := s.event(actor, change{kind: kindSetupLink, id: l.ID, name: l.Name, what: "setup_link.created", after: journalledLink(l)})
		if err != nil {
			return err
		}
		_, err = st.CreateSetupLink(ctx, tenantID, l, e)
		return written("creating the set-up link", err)
	})
	if err != nil {
		return CreatedSetupLink{}, err
	}
	return CreatedSetupLink{SetupLink: viewOfLink(tenantID, l, now), Token: token, URL: s.setupURL(tenantID, token)}, nil
}

// setupLinks is the part of a store that keeps links.
func setupLinks(st store.Store) (store.SetupLinkStore, error) {
	links, ok := st.(store.SetupLinkStore)
	if !ok {
		return nil, fmt.Errorf("tenant: the store keeps no set-up links, see store.SetupLinkStore: %w", errors.ErrUnsupported)
	}
	return links, nil
}

// makeRoom refuses a link too many, and keeps the list of ended ones short whatever happens.
func (s *Service) makeRoom(ctx context.Context, st store.SetupLinkStore, tenantID string) error {
	page, err := st.SetupLinks(ctx, tenantID, store.Query{})
	if err != nil {
		return fmt.Errorf("tenant: reading set-up links: %w", err)
	}
	now := s.time()
	ended := slices.DeleteFunc(slices.Clone(page.Items), func(l store.SetupLink) bool { return stateOfLink(l, now).inForce() })
	if len(page.Items)-len(ended) >= MaxSetupLinks {
		return conflict(ErrorCodeTooMany, "There are %d set-up links already. Revoke one that is not needed any more.", MaxSetupLinks)
	}
	for i := 0; len(page.Items)-i >= keptSetupLinks && i < len(ended); i++ {
		if err := s.forgetLink(ctx, st, tenantID, ended[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) forgetLink(ctx context.Context, st store.SetupLinkStore, tenantID string, l store.SetupLink) error {
	e, err := s.event(Actor{Kind: ActorSystem, Name: "clean-up"}, change{kind: kindSetupLink, id: l.ID, name: l.Name, what: "setup_link.removed"})
	if err != nil {
		return err
	}
	return written("removing the set-up link", st.DeleteSetupLink(ctx, tenantID, l.ID, l.Version, e))
}

func (s *Service) setupURL(tenantID string, token Secret) Secret {
	if s.cfg.SetupLinkBaseURL == "" {
		return Secret{}
	}
	return NewSecret(s.cfg.SetupLinkBaseURL + "/" + url.PathEscape(tenantID) + "/" + token.Reveal())
}

// parseSetupLink checks what an owner chose, all of it at once.
func parseSetupLink(n NewSetupLink, now time.Time) (store.SetupLink, []Finding) {
	var findings []Finding
	l := store.SetupLink{Name: strings.Join(strings.Fields(n.Name), " ")}
	switch {
	case l.Name == "":
		findings = append(findings, errorFinding(FieldLinkName, CodeRequired, "Say whom the link is for. The name stands in the journal beside what they do."))
	case len([]rune(l.Name)) > maxName || l.Name != shown(l.Name):
		findings = append(findings, errorFinding(FieldLinkName, CodeNameInvalid, "The name must have at most %d ordinary characters.", maxName))
	}
	if email := strings.TrimSpace(n.Email); email != "" {
		var err error
		if l.Email, err = NormalizeEmail(email); err != nil {
			findings = append(findings, errorFinding(FieldLinkEmail, CodeEmailInvalid, "%s is not an e-mail address. Give one such as admin@acme.com, or none.", shown(email)).got(shown(email)))
		}
	}
	for _, i := range n.Intents {
		if _, known := intentActions[i]; !known {
			f := errorFinding(FieldLinkIntents, CodeIntentInvalid, "%s is nothing that a set-up link can be for.", shown(string(i))).got(shown(string(i)))
			f.Expected = joinIntents(Intents())
			findings = append(findings, f)
		} else if !slices.Contains(l.Intents, string(i)) {
			l.Intents = append(l.Intents, string(i))
		}
		if len(findings) > len(intentActions) {
			break
		}
	}
	if len(n.Intents) == 0 {
		f := errorFinding(FieldLinkIntents, CodeRequired, "Say what the link is for.")
		f.Expected = joinIntents(Intents())
		findings = append(findings, f)
	}
	within, f := between(FieldLinkOpenWithin, n.OpenWithin, DefaultSetupOpenWithin, MaxSetupOpenWithin)
	findings = append(findings, f...)
	l.SessionTTL, f = between(FieldLinkSessionTTL, n.SessionTTL, DefaultSetupSessionTTL, MaxSetupSessionTTL)
	findings = append(findings, f...)
	l.ExpiresAt = store.Time(now.Add(within))
	l.MaxOpens = int64(n.MaxOpens)
	if n.MaxOpens == 0 {
		l.MaxOpens = DefaultSetupMaxOpens
	}
	if n.MaxOpens < 0 || n.MaxOpens > MaxSetupMaxOpens {
		f := errorFinding(FieldLinkMaxOpens, CodeNumberInvalid, "A link can be opened 1 to %d times.", MaxSetupMaxOpens).got(fmt.Sprint(n.MaxOpens))
		f.Expected = fmt.Sprintf("1 to %d", MaxSetupMaxOpens)
		findings = append(findings, f)
	}
	return l, findings
}

// between is d if it is at least a minute and at most most, and usual if it is zero.
func between(field string, d, usual, most time.Duration) (time.Duration, []Finding) {
	if d == 0 {
		return usual, nil
	}
	if d < time.Minute || d > most {
		f := errorFinding(field, CodeDurationInvalid, "The time must be between a minute and %s.", most).got(d.String())
		f.Expected = "1m0s to " + most.String()
		return 0, []Finding{f}
	}
	return d.Truncate(time.Microsecond), nil
}

// stateOfLink says how far a link has come.
func stateOfLink(l store.SetupLink, now time.Time) SetupLinkState {
	switch {
	case !l.RevokedAt.IsZero():
		return SetupLinkRevoked
	case !l.CompletedAt.IsZero():
		return SetupLinkCompleted
	case !l.ExpiresAt.After(now):
		return SetupLinkExpired
	case l.OpenedAt.IsZero():
		return SetupLinkWaiting
	default:
		return SetupLinkOpen
	}
}

func (st SetupLinkState) inForce() bool { return st == SetupLinkWaiting || st == SetupLinkOpen }

// journalledLink is what events tell of a link.
func journalledLink(l store.SetupLink) store.SetupLink {
	l.Hash, l.BrowserHash = nil, nil
	return l
}

func viewOfLink(tenantID string, l store.SetupLink, now time.Time) SetupLink {
	return SetupLink{
		ID: l.ID, TenantID: tenantID, Name: l.Name, Email: l.Email, Intents: intentsOf(l.Intents), Done: intentsOf(l.Done), State: stateOfLink(l, now),
		CreatedBy: l.CreatedBy, CreatedAt: l.CreatedAt, ExpiresAt: l.ExpiresAt, Opens: int(l.Opens), MaxOpens: int(l.MaxOpens),
		OpenedAt: l.OpenedAt, LastOpenedAt: l.LastOpenedAt, LastUsedAt: l.LastUsedAt, RevokedAt: l.RevokedAt, CompletedAt: l.CompletedAt,
	}
}

func intentsOf(names []string) []Intent {
	var out []Intent
	for _, n := range names {
		out = append(out, Intent(n))
	}
	return out
}
