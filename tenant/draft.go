package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Draft is what an owner enters: the whole form, so that a field left empty is emptied,
// except for the secret. A draft may be incomplete, but what is there must be right.
type Draft struct {
	// Name is what the owner calls the provider, at most 100 characters. Optional.
	Name string
	// Provider is the kind of provider, whose [Guide] the entries are held to; empty, and one that is not known, means what
	// the authority tells.
	Provider string
	// Domains, BreakGlass and AdditionalScopes hold entries; each may be a whole list as
	// typed, separated as [ParseDomains], [ParseBreakGlass] and [ParseScopes] say.
	Domains          []string
	BreakGlass       []string
	AdditionalScopes []string
	Authority        string
	ClientID         string
	// ClientSecret replaces the stored secret; empty keeps it. When the authority changes
	// its host, the stored secret is forgotten: it was not meant for the new one.
	ClientSecret Secret
	// SecretExpiresAt is zero if it is not known. See [ParseExpiry].
	SecretExpiresAt time.Time
	// AcceptExpired records an expiry in the past.
	AcceptExpired bool
	// ClientAuth is [ClientSecretBasic], [ClientSecretPost], [ClientPrivateKeyJWT] or
	// [ClientAuthNone]; empty leaves it to the check of the provider, which prefers what its guide recommends. The test sign-in
	// corrects it where the provider takes the secret only the other way (R22).
	ClientAuth string
	// JustInTime lets people sign in whom no directory provisioned: an account is made for
	// them. Their address must be in a proven domain.
	JustInTime bool
	// JustInTimeAnyDomain, together with JustInTime, makes accounts also for people whose
	// address is in no proven domain, such as contractors. Such an address finds no account
	// that exists, and the host is told that nobody has proven it.
	JustInTimeAnyDomain bool
	// EmailVerifiedString accepts email_verified as the string "true".
	EmailVerifiedString bool
	// EmailFallback is [EmailFallbackUserName] or [EmailFallbackUPN] where the claim of that name stands for the address of
	// people for whom the provider sends no email, such as Entra's without a mailbox (R18). It must be in a proven domain
	// of the tenant; guests, and providers that many customers share, are refused. Empty means that email alone counts.
	EmailFallback string
	// SCIM are the wishes for provisioning.
	SCIM store.SCIMPreferences
}

// checkJustInTime names what the choice means, for the owner and for those who review.
func checkJustInTime(on, anyDomain bool) []Finding {
	switch {
	case anyDomain && !on:
		return []Finding{errorFinding(FieldJustInTime, CodeJustInTimeOff, "Accounts for people outside of your domains need accounts at sign-in to be switched on.")}
	case anyDomain:
		return []Finding{warning(FieldJustInTime, CodeJustInTimeAnyDomain, "Everybody whom your provider lets in gets an account, also with addresses outside of your domains.")}
	}
	return nil
}

const maxName = 100 // characters

// parsedDraft is a draft whose fields are in order.
type parsedDraft struct {
	Draft
	domains, breakGlass, scopes []string
}

// parse checks every field at once. The findings of an acceptable draft are warnings.
func (s *Service) parse(d Draft, now time.Time) (parsedDraft, []Finding) {
	p := parsedDraft{Draft: d}
	var all, found []Finding
	add := func() { all = append(all, found...) }

	p.Name = strings.Join(strings.Fields(d.Name), " ")
	if len([]rune(p.Name)) > maxName || p.Name != shown(p.Name) {
		all = append(all, errorFinding(FieldConnection, CodeNameInvalid, "The name must have at most %d ordinary characters.", maxName))
	}
	p.domains, found = ParseDomains(d.Domains...)
	add()
	guide, chosen := guides[strings.TrimSpace(d.Provider)]
	if !chosen {
		guide = guideOf(ProviderGeneric)
	}
	if p.Authority = strings.TrimSpace(d.Authority); p.Authority != "" {
		p.Authority, found = guide.ParseAuthority(d.Authority, s.authorityOptions())
		add()
	}
	if p.Provider = guide.Provider; !chosen {
		p.Provider = DetectProvider(p.Authority)
		guide = guideOf(p.Provider)
	}
	if p.ClientID = strings.TrimSpace(d.ClientID); p.ClientID != "" {
		p.ClientID, found = ParseClientID(d.ClientID, p.Authority)
		add()
	}
	if !d.ClientSecret.IsZero() {
		p.ClientSecret, found = ParseClientSecret(d.ClientSecret, p.ClientID, p.Authority)
		add()
	}
	p.ClientAuth, found = parseClientAuth(d.ClientAuth)
	add()
	all = append(all, guide.CheckClientAuth(p.ClientAuth)...)
	p.SecretExpiresAt = store.Time(d.SecretExpiresAt)
	all = append(all, checkExpiry(p.SecretExpiresAt, now, p.Authority, d.AcceptExpired)...)
	p.breakGlass, found = ParseBreakGlass(p.domains, d.BreakGlass...)
	add()
	p.scopes, found = guide.parseScopes(d.AdditionalScopes...)
	add()
	all = append(all, checkJustInTime(d.JustInTime, d.JustInTimeAnyDomain)...)
	all = append(all, checkEmailFallback(d.EmailFallback, p.Authority)...)
	return p, all
}

func (s *Service) authorityOptions() AuthorityOptions {
	return AuthorityOptions{AllowPorts: s.cfg.AllowAuthorityPorts, InsecureAllowLoopback: s.cfg.InsecureAllowLoopback}
}

// CreateDraft begins a request of an organisation that the host has, and returns it with
// warnings about what was entered.
// Refused input is a [*ValidationError] with all findings.
func (s *Service) CreateDraft(ctx context.Context, actor Actor, tenantID string, d Draft) (Connection, []Finding, error) {
	now := s.time()
	c := store.Connection{Meta: store.Meta{ID: store.NewID(now), TenantID: tenantID, CreatedAt: now, UpdatedAt: now}, State: store.ConnectionDraft}
	return s.saveDraft(ctx, actor, tenantID, d, func(store.Store) (store.Connection, []store.Domain, error) { return c, nil, nil })
}

// SaveDraft replaces what a request asks for, in the states that [StepSave] allows. A
// rejected or withdrawn request becomes a draft again. version is that of the
// connection as the owner saw it. Staff may save for the owner. A change of a connection in
// force becomes one of its settings as they are now, and keeps its SCIM preferences.
func (s *Service) SaveDraft(ctx context.Context, actor Actor, tenantID, id string, version int64, d Draft) (Connection, []Finding, error) {
	return s.saveDraft(ctx, actor, tenantID, d, func(tx store.Store) (store.Connection, []store.Domain, error) {
		return s.loadAt(ctx, tx, tenantID, id, version)
	})
}

func (s *Service) saveDraft(ctx context.Context, actor Actor, tenantID string, d Draft, read func(store.Store) (store.Connection, []store.Domain, error)) (Connection, []Finding, error) {
	if err := s.allowOrStaff(ctx, actor, tenantID, ActionEditConnection); err != nil {
		return Connection{}, nil, err
	}
	if err := s.needSSO(ctx, tenantID); err != nil {
		return Connection{}, nil, err
	}
	if _, err := s.organisation(ctx, tenantID); err != nil {
		return Connection{}, nil, err
	}
	parsed, findings := s.parse(d, s.time())
	findings = append(findings, s.checkFields(d.SCIM)...)
	taken, err := s.takenDomains(ctx, tenantID, parsed.domains)
	if err != nil {
		return Connection{}, nil, err
	}
	findings = append(findings, taken...)

	var out Connection
	err = s.changeInService(ctx, tenantID, func(tx store.Store) error {
		before, domains, err := read(tx)
		if err != nil {
			return err
		}
		after := before
		if after.State, err = nextOf(before, StepSave); err != nil {
			return err
		}
		if err := refuse(findings); err != nil { // after the state: it is the greater news
			return err
		}
		if err := s.applyDraft(tenantID, &after, parsed); err != nil {
			return err
		}
		if err := s.rebase(ctx, tx, tenantID, &after); err != nil {
			return err
		}
		after.Approvals = nil
		if before.Version == 0 {
			if err := s.reopen(ctx, tx, actor, tenantID); err != nil {
				return err
			}
			err = s.createConnection(ctx, tx, actor, tenantID, after)
		} else {
			_, err = s.save(ctx, tx, actor, tenantID, before, after, "connection.saved", "")
		}
		if err != nil {
			return err
		}
		if err := s.setDomains(ctx, tx, actor, tenantID, after.ID, domains, parsed.domains); err != nil {
			return err
		}
		out, err = s.view(ctx, tx, tenantID, after.ID)
		return err
	})
	if err != nil {
		return Connection{}, nil, err
	}
	return out, findings, nil
}

func (s *Service) createConnection(ctx context.Context, tx store.Store, actor Actor, tenantID string, c store.Connection) error {
	e, err := s.event(actor, change{kind: kindConnection, id: c.ID, name: c.Name, what: "connection.created", after: journalled(c)})
	if err != nil {
		return err
	}
	_, err = tx.CreateConnection(ctx, tenantID, c, e)
	return written("creating the connection", err)
}

// applyDraft writes the draft's fields into the record. What the last check of the
// provider found is forgotten when it was about another provider.
func (s *Service) applyDraft(tenantID string, c *store.Connection, p parsedDraft) error {
	old := *c
	c.Name, c.Provider, c.Authority, c.ClientID = p.Name, p.Provider, p.Authority, p.ClientID
	c.BreakGlass, c.AdditionalScopes, c.SCIM = p.breakGlass, p.scopes, p.SCIM
	c.JustInTime, c.JustInTimeAnyDomain = p.JustInTime, p.JustInTimeAnyDomain
	c.EmailVerifiedString, c.EmailFallback = p.EmailVerifiedString, p.EmailFallback

	if c.Authority != old.Authority {
		c.Issuer, c.SharedIssuer, c.SigningAlg, c.ClientAuth = "", false, "", ""
		c.Metadata, c.DriftSince, c.DriftCode = nil, time.Time{}, ""
	}
	if p.ClientAuth != "" {
		c.ClientAuth = p.ClientAuth
	}
	if hostOf(c.Authority) != hostOf(old.Authority) && old.Authority != "" {
		clearSecret(c)
	}
	if !p.ClientSecret.IsZero() {
		if err := s.putSecret(tenantID, c, p.ClientSecret, s.time()); err != nil {
			return err
		}
	}
	c.SecretExpiresAt = p.SecretExpiresAt
	if signInChanged(old, *c) {
		c.ConfigVersion = old.ConfigVersion + 1
		c.FailingSince, c.FailingCode = time.Time{}, "" // that was another configuration
	}
	return nil
}

// signInChanged reports whether a sign-in would now go differently, so that a test of
// the old configuration says nothing about the new one.
func signInChanged(a, b store.Connection) bool {
	return a.Authority != b.Authority || a.Issuer != b.Issuer || a.ClientID != b.ClientID || a.ClientAuth != b.ClientAuth ||
		a.SigningAlg != b.SigningAlg || a.SharedIssuer != b.SharedIssuer || a.EmailVerifiedString != b.EmailVerifiedString ||
		a.EmailFallback != b.EmailFallback ||
		!a.SecretSetAt.Equal(b.SecretSetAt) || string(a.SealedSecret) != string(b.SealedSecret) ||
		!slices.Equal(a.AdditionalScopes, b.AdditionalScopes)
}

// takenDomains finds names that another tenant has proven. Who it is stays unsaid.
func (s *Service) takenDomains(ctx context.Context, tenantID string, names []string) ([]Finding, error) {
	var findings []Finding
	for _, name := range names {
		ref, err := s.store.TenantOfDomain(ctx, name)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, fmt.Errorf("tenant: looking for the domain: %w", err)
		case ref.TenantID != tenantID:
			findings = append(findings, domainTaken(name))
		}
	}
	return findings, nil
}

func domainTaken(name string) Finding {
	return errorFinding(FieldDomains, CodeDomainTaken, "%s is already in use by another organisation. Contact support.", name).got(name)
}
