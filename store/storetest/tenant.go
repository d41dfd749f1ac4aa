package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// world is a tenant that has one record of every kind. Several tenants can be given
// the same world, IDs and all, apart from what is unique across tenants.
type world struct {
	now        time.Time
	connection store.Connection
	domain     store.Domain
	directory  store.Directory
	key        store.APIKey
	user       store.SCIMUser
	group      store.SCIMGroup
	members    []store.Member
	identity   store.Identity
	account    store.Account
	settings   store.ProvisioningSettings
	grant      store.Grant
	resource   store.SCIMResource
	link       store.SetupLink
	webhook    store.Webhook
	token      store.Token
	lease      string
	reader     string
	verified   store.Domain
	lifecycle  store.Lifecycle
}

// newWorld returns samples whose texts mention the mark.
func newWorld(p *probe, mark string) world {
	p.text = " " + mark
	defer func() { p.text = "" }()
	w := world{
		now: p.tick(), connection: connections.fresh(p), domain: domains.fresh(p), directory: directories.fresh(p),
		key: apiKeys.fresh(p), user: users.fresh(p), group: groups.fresh(p), identity: identities.fresh(p),
		account: accounts.fresh(p), settings: p.settings(0), resource: resources.fresh(p), verified: domains.fresh(p),
		link: setupLinks.fresh(p), webhook: webhooks.fresh(p),
		lease: "lease", reader: "reader", lifecycle: p.lifecycle(0, store.ServiceSuspended),
	}
	w.domain.State = store.DomainPending
	// What other tenants may have too does not mention the mark.
	w.user.UserName, w.identity.Issuer, w.identity.Subject = random(), random(), random()
	w.connection.State = store.ConnectionActive
	w.key.LastUsedAt, w.link.LastUsedAt, w.directory.LastRequestAt = time.Time{}, time.Time{}, time.Time{}
	w.members = []store.Member{{ID: "known " + w.user.ID, Kind: store.MemberGroup}, {ID: w.user.ID, Kind: store.MemberUser}}
	w.grant = membership(theAccount, "team", w.group.ID)
	w.grant.Role = "role" + p.text
	w.token = store.Token{Kind: "k", Key: "x", Data: []byte("data" + p.text), ExpiresAt: w.now.Add(time.Hour)}
	return w
}

// twin returns a world of the same IDs and keys, whose texts mention another mark.
func (w world) twin(p *probe, mark string) world {
	t := newWorld(p, mark)
	t.now = w.now
	t.connection.ID, t.domain.ID, t.directory.ID, t.key.ID, t.user.ID = w.connection.ID, w.domain.ID, w.directory.ID, w.key.ID, w.user.ID
	t.group.ID, t.identity.ID, t.account.ID, t.resource.ID = w.group.ID, w.identity.ID, w.account.ID, w.resource.ID
	t.webhook.ID = w.webhook.ID
	t.link.ID, t.link.Hash, t.link.BrowserHash = w.link.ID, w.link.Hash, w.link.BrowserHash
	t.domain.Name, t.directory.ConnectionID, t.key.Hash = w.domain.Name, w.directory.ConnectionID, w.key.Hash
	t.user.UserName, t.account.SCIMUserID = w.user.UserName, w.account.SCIMUserID
	t.identity.ConnectionID, t.identity.Issuer, t.identity.Subject = w.identity.ConnectionID, w.identity.Issuer, w.identity.Subject
	t.members, t.grant.GroupID = w.members, w.grant.GroupID
	t.token.ExpiresAt = w.token.ExpiresAt
	return t
}

// settle stores the world, with one event.
func (p *probe) settle(tenantID string, w world) {
	p.Helper()
	var errs []error
	note := func(_ any, err error) { errs = append(errs, err) }
	note(p.st.CreateConnection(p.ctx, tenantID, w.connection))
	note(p.st.CreateDomain(p.ctx, tenantID, w.domain))
	note(p.st.CreateDirectory(p.ctx, tenantID, w.directory))
	note(p.st.CreateAPIKey(p.ctx, tenantID, w.key))
	note(p.st.CreateSCIMUser(p.ctx, tenantID, w.user))
	note(p.st.CreateSCIMGroup(p.ctx, tenantID, w.group, w.members))
	note(p.st.CreateIdentity(p.ctx, tenantID, w.identity))
	note(p.st.CreateAccount(p.ctx, tenantID, w.account))
	note(p.st.PutProvisioningSettings(p.ctx, tenantID, w.settings))
	note(p.st.PutLifecycle(p.ctx, tenantID, w.lifecycle))
	note(nil, p.st.ChangeGrants(p.ctx, tenantID, []store.Grant{w.grant}, nil))
	note(nil, p.st.PutToken(p.ctx, tenantID, w.token))
	note(p.st.AcquireLease(p.ctx, tenantID, w.lease, "owner", w.now, w.now.Add(time.Hour)))
	note(nil, p.st.AppendEvents(p.ctx, tenantID, store.Event{ID: p.newID(), Type: "settled", At: w.now, Message: w.user.ExternalID}))
	note(nil, p.st.SavePosition(p.ctx, tenantID, w.reader, 0, 1))
	if r, ok := p.st.(store.SCIMResourceStore); ok {
		note(r.CreateSCIMResource(p.ctx, tenantID, w.resource))
	}
	if l, ok := p.st.(store.SetupLinkStore); ok {
		note(l.CreateSetupLink(p.ctx, tenantID, w.link))
	}
	if h, ok := p.st.(store.WebhookStore); ok {
		note(h.CreateWebhook(p.ctx, tenantID, w.webhook))
	}
	p.ok(errors.Join(errs...), "create one record of every kind")
}

// snapshot is all that a tenant has.
type snapshot struct {
	Connections []store.Connection
	Domains     []store.Domain
	Directories []store.Directory
	Keys        []store.APIKey
	Users       []store.SCIMUser
	Groups      []store.SCIMGroup
	Members     map[string][]store.Member
	GroupsOf    map[string][]store.GroupRef
	Identities  []store.Identity
	Accounts    []store.Account
	Settings    []store.ProvisioningSettings
	Grants      []store.Grant
	Resources   []store.SCIMResource
	Links       []store.SetupLink
	Webhooks    []store.Webhook
	Events      []store.Event
	Position    int64
	TokenExists bool
	LeaseHeld   bool
	Lifecycle   []store.Lifecycle
	Holdings    map[store.RecordKind]int
}

// snap reads all that a tenant has without changing it.
func (p *probe) snap(tenantID string, w world) snapshot {
	p.Helper()
	s := snapshot{
		Connections: connections.all(p, tenantID), Domains: domains.all(p, tenantID), Directories: directories.all(p, tenantID),
		Keys: apiKeys.all(p, tenantID), Users: users.all(p, tenantID), Groups: groups.all(p, tenantID),
		Identities: identities.all(p, tenantID), Accounts: accounts.all(p, tenantID),
		Grants: p.ledger(tenantID), Events: p.events(tenantID), Members: map[string][]store.Member{},
	}
	for _, g := range s.Groups {
		members, err := p.st.SCIMMembers(p.ctx, tenantID, g.ID, "", store.MaxLimit)
		p.ok(err, "list members")
		s.Members[g.ID] = members
	}
	var err error
	s.GroupsOf, err = p.st.SCIMGroupsOf(p.ctx, tenantID, w.members[0].ID, w.members[1].ID, "added")
	p.ok(err, "ask for the groups of members")
	s.Position, err = p.st.Position(p.ctx, tenantID, w.reader)
	p.ok(err, "read a position")
	switch settings, err := p.st.ProvisioningSettings(p.ctx, tenantID); {
	case err == nil:
		s.Settings = append(s.Settings, settings)
	default:
		p.is(err, store.ErrNotFound, "read settings")
	}
	switch l, err := p.st.Lifecycle(p.ctx, tenantID); {
	case err == nil:
		s.Lifecycle = append(s.Lifecycle, l)
	default:
		p.is(err, store.ErrNotFound, "read the lifecycle")
	}
	s.Holdings, err = p.st.Holdings(p.ctx, tenantID)
	p.ok(err, "count holdings")
	if keepsResources(p.st) {
		s.Resources = resources.all(p, tenantID)
	}
	if keepsSetupLinks(p.st) {
		s.Links = setupLinks.all(p, tenantID)
	}
	if keepsWebhooks(p.st) {
		s.Webhooks = webhooks.all(p, tenantID)
	}
	s.TokenExists, s.LeaseHeld = p.probeOnce(tenantID, w)
	return s
}

// probeOnce looks whether the token exists and the lease is held, in a transaction
// that is undone: to look is to put the one and to acquire the other.
func (p *probe) probeOnce(tenantID string, w world) (token, lease bool) {
	p.Helper()
	p.rollBack(func(tx store.Store) error {
		err := tx.PutToken(p.ctx, tenantID, store.Token{Kind: w.token.Kind, Key: w.token.Key, ExpiresAt: w.now})
		token = errors.Is(err, store.ErrConflict)
		if err != nil && !token {
			return fmt.Errorf("put a token: %w", err)
		}
		_, err = tx.AcquireLease(p.ctx, tenantID, w.lease, "somebody else", w.now, w.now.Add(time.Hour))
		lease = errors.Is(err, store.ErrConflict)
		if err != nil && !lease {
			return fmt.Errorf("acquire a lease: %w", err)
		}
		return nil
	}, "put a token and acquire a lease")
	return token, lease
}
