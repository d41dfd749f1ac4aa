package tenant

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// errBroken is what a call answers that the test breaks.
var errBroken = errors.New("disk full")

// faults decides which call of a store fails. The zero value lets all through.
type faults struct {
	mu    sync.Mutex
	on    bool
	at    int  // the call that fails, from 1; zero is none
	stays bool // so do all that follow
	calls []string
}

// begin counts the calls from here on, and breaks the one of this number.
func (f *faults) begin(at int, stays bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on, f.at, f.stays, f.calls = true, at, stays, nil
}

// end lets all calls through again, and returns which there were.
func (f *faults) end() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on = false
	return f.calls
}

// next is asked by each call, in a transaction too, by the beginning of a transaction and by its commit.
func (f *faults) next(call string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on {
		return nil
	}
	f.calls = append(f.calls, call)
	if n := len(f.calls); n == f.at || f.stays && f.at > 0 && n > f.at {
		return errBroken
	}
	return nil
}

// failing is a store whose calls fail as faults says, optional interfaces that package tenant uses included.
type failing struct {
	store.Store
	*faults
}

func (s *failing) InTx(ctx context.Context, fn func(store.Store) error) error {
	if err := s.next("InTx"); err != nil {
		return err
	}
	return s.Store.InTx(ctx, func(tx store.Store) error {
		if err := fn(&failing{tx, s.faults}); err != nil {
			return err
		}
		return s.next("commit")
	})
}

func (s *failing) LookupStoreOf() store.Store { return s }

// unless makes a call unless it fails.
func unless[T any](s *failing, name string, call func() (T, error)) (T, error) {
	if err := s.next(name); err != nil {
		var none T
		return none, err
	}
	return call()
}

func (s *failing) unlessErr(name string, call func() error) error {
	if err := s.next(name); err != nil {
		return err
	}
	return call()
}

func (s *failing) APIKey(ctx context.Context, a, b string) (store.APIKey, error) {
	return unless(s, "APIKey", func() (store.APIKey, error) { return s.Store.APIKey(ctx, a, b) })
}

func (s *failing) APIKeyByHash(ctx context.Context, a string, b []byte) (store.APIKey, error) {
	return unless(s, "APIKeyByHash", func() (store.APIKey, error) { return s.Store.APIKeyByHash(ctx, a, b) })
}

func (s *failing) APIKeys(ctx context.Context, a string) ([]store.APIKey, error) {
	return unless(s, "APIKeys", func() ([]store.APIKey, error) { return s.Store.APIKeys(ctx, a) })
}

func (s *failing) Account(ctx context.Context, a, b string) (store.Account, error) {
	return unless(s, "Account", func() (store.Account, error) { return s.Store.Account(ctx, a, b) })
}

func (s *failing) AccountOfSCIMUser(ctx context.Context, a, b string) (store.Account, error) {
	return unless(s, "AccountOfSCIMUser", func() (store.Account, error) { return s.Store.AccountOfSCIMUser(ctx, a, b) })
}

func (s *failing) Accounts(ctx context.Context, a string, b store.Query) (store.Page[store.Account], error) {
	return unless(s, "Accounts", func() (store.Page[store.Account], error) { return s.Store.Accounts(ctx, a, b) })
}

func (s *failing) AcquireLease(ctx context.Context, a, b, c string, d time.Time, e time.Time) (store.Lease, error) {
	return unless(s, "AcquireLease", func() (store.Lease, error) { return s.Store.AcquireLease(ctx, a, b, c, d, e) })
}

func (s *failing) AllGrants(ctx context.Context, a string, b store.GrantKey, c int) ([]store.Grant, error) {
	return unless(s, "AllGrants", func() ([]store.Grant, error) { return s.Store.AllGrants(ctx, a, b, c) })
}

func (s *failing) AppendEvents(ctx context.Context, a string, b ...store.Event) error {
	return s.unlessErr("AppendEvents", func() error { return s.Store.AppendEvents(ctx, a, b...) })
}

func (s *failing) ChangeGrants(ctx context.Context, a string, b []store.Grant, c []store.GrantKey, d ...store.Event) error {
	return s.unlessErr("ChangeGrants", func() error { return s.Store.ChangeGrants(ctx, a, b, c, d...) })
}

func (s *failing) ChangeSCIMMembers(ctx context.Context, a, b string, c store.MemberDelta, d time.Time, e *store.GroupVersion, f ...store.Event) (store.MemberChange, error) {
	return unless(s, "ChangeSCIMMembers", func() (store.MemberChange, error) { return s.Store.ChangeSCIMMembers(ctx, a, b, c, d, e, f...) })
}

func (s *failing) Connection(ctx context.Context, a, b string) (store.Connection, error) {
	return unless(s, "Connection", func() (store.Connection, error) { return s.Store.Connection(ctx, a, b) })
}

func (s *failing) Connections(ctx context.Context, a string) ([]store.Connection, error) {
	return unless(s, "Connections", func() ([]store.Connection, error) { return s.Store.Connections(ctx, a) })
}

func (s *failing) ConnectionsByIssuer(ctx context.Context, a string) ([]store.Ref, error) {
	return unless(s, "ConnectionsByIssuer", func() ([]store.Ref, error) { return s.Store.ConnectionsByIssuer(ctx, a) })
}

func (s *failing) ConnectionsByState(ctx context.Context, a store.ConnectionState, b store.Ref, c int) ([]store.Ref, error) {
	return unless(s, "ConnectionsByState", func() ([]store.Ref, error) { return s.Store.ConnectionsByState(ctx, a, b, c) })
}

func (s *failing) CreateAPIKey(ctx context.Context, a string, b store.APIKey, c ...store.Event) (store.APIKey, error) {
	return unless(s, "CreateAPIKey", func() (store.APIKey, error) { return s.Store.CreateAPIKey(ctx, a, b, c...) })
}

func (s *failing) CreateAccount(ctx context.Context, a string, b store.Account, c ...store.Event) (store.Account, error) {
	return unless(s, "CreateAccount", func() (store.Account, error) { return s.Store.CreateAccount(ctx, a, b, c...) })
}

func (s *failing) CreateConnection(ctx context.Context, a string, b store.Connection, c ...store.Event) (store.Connection, error) {
	return unless(s, "CreateConnection", func() (store.Connection, error) { return s.Store.CreateConnection(ctx, a, b, c...) })
}

func (s *failing) CreateDirectory(ctx context.Context, a string, b store.Directory, c ...store.Event) (store.Directory, error) {
	return unless(s, "CreateDirectory", func() (store.Directory, error) { return s.Store.CreateDirectory(ctx, a, b, c...) })
}

func (s *failing) CreateDomain(ctx context.Context, a string, b store.Domain, c ...store.Event) (store.Domain, error) {
	return unless(s, "CreateDomain", func() (store.Domain, error) { return s.Store.CreateDomain(ctx, a, b, c...) })
}

func (s *failing) CreateIdentity(ctx context.Context, a string, b store.Identity, c ...store.Event) (store.Identity, error) {
	return unless(s, "CreateIdentity", func() (store.Identity, error) { return s.Store.CreateIdentity(ctx, a, b, c...) })
}

func (s *failing) CreateSCIMGroup(ctx context.Context, a string, b store.SCIMGroup, c []store.Member, d ...store.Event) (store.SCIMGroup, error) {
	return unless(s, "CreateSCIMGroup", func() (store.SCIMGroup, error) { return s.Store.CreateSCIMGroup(ctx, a, b, c, d...) })
}

func (s *failing) CreateSCIMUser(ctx context.Context, a string, b store.SCIMUser, c ...store.Event) (store.SCIMUser, error) {
	return unless(s, "CreateSCIMUser", func() (store.SCIMUser, error) { return s.Store.CreateSCIMUser(ctx, a, b, c...) })
}

func (s *failing) DeleteAccount(ctx context.Context, a, b string, c int64, d ...store.Event) error {
	return s.unlessErr("DeleteAccount", func() error { return s.Store.DeleteAccount(ctx, a, b, c, d...) })
}

func (s *failing) DeleteConnection(ctx context.Context, a, b string, c int64, d ...store.Event) error {
	return s.unlessErr("DeleteConnection", func() error { return s.Store.DeleteConnection(ctx, a, b, c, d...) })
}

func (s *failing) DeleteDirectory(ctx context.Context, a, b string, c int64, d ...store.Event) error {
	return s.unlessErr("DeleteDirectory", func() error { return s.Store.DeleteDirectory(ctx, a, b, c, d...) })
}

func (s *failing) DeleteDomain(ctx context.Context, a, b string, c int64, d ...store.Event) error {
	return s.unlessErr("DeleteDomain", func() error { return s.Store.DeleteDomain(ctx, a, b, c, d...) })
}

func (s *failing) DeleteExpiredTokens(ctx context.Context, a string, b time.Time) (int, error) {
	return unless(s, "DeleteExpiredTokens", func() (int, error) { return s.Store.DeleteExpiredTokens(ctx, a, b) })
}

func (s *failing) DeleteIdentitiesOfConnection(ctx context.Context, a, b string, c ...store.Event) (int, error) {
	return unless(s, "DeleteIdentitiesOfConnection", func() (int, error) { return s.Store.DeleteIdentitiesOfConnection(ctx, a, b, c...) })
}

func (s *failing) DeleteIdentity(ctx context.Context, a, b string, c ...store.Event) error {
	return s.unlessErr("DeleteIdentity", func() error { return s.Store.DeleteIdentity(ctx, a, b, c...) })
}

func (s *failing) DeleteSCIMGroup(ctx context.Context, a, b string, c int64, d ...store.Event) error {
	return s.unlessErr("DeleteSCIMGroup", func() error { return s.Store.DeleteSCIMGroup(ctx, a, b, c, d...) })
}

func (s *failing) DeleteSCIMUser(ctx context.Context, a, b string, c int64, d ...store.Event) error {
	return s.unlessErr("DeleteSCIMUser", func() error { return s.Store.DeleteSCIMUser(ctx, a, b, c, d...) })
}

func (s *failing) Directories(ctx context.Context, a string) ([]store.Directory, error) {
	return unless(s, "Directories", func() ([]store.Directory, error) { return s.Store.Directories(ctx, a) })
}

func (s *failing) Directory(ctx context.Context, a, b string) (store.Directory, error) {
	return unless(s, "Directory", func() (store.Directory, error) { return s.Store.Directory(ctx, a, b) })
}

func (s *failing) Domain(ctx context.Context, a, b string) (store.Domain, error) {
	return unless(s, "Domain", func() (store.Domain, error) { return s.Store.Domain(ctx, a, b) })
}

func (s *failing) Domains(ctx context.Context, a string) ([]store.Domain, error) {
	return unless(s, "Domains", func() ([]store.Domain, error) { return s.Store.Domains(ctx, a) })
}

func (s *failing) DomainsContested(ctx context.Context, a store.Ref, b int) ([]store.Ref, error) {
	return unless(s, "DomainsContested", func() ([]store.Ref, error) { return s.Store.DomainsContested(ctx, a, b) })
}

func (s *failing) DomainsDue(ctx context.Context, a time.Time, b store.DomainDue, c int) ([]store.DomainDue, error) {
	return unless(s, "DomainsDue", func() ([]store.DomainDue, error) { return s.Store.DomainsDue(ctx, a, b, c) })
}

func (s *failing) Erase(ctx context.Context, a string, b store.RecordKind, c int) (int, error) {
	return unless(s, "Erase", func() (int, error) { return s.Store.Erase(ctx, a, b, c) })
}

func (s *failing) EraseEvents(ctx context.Context, a string, b int64, c int) (int, error) {
	return unless(s, "EraseEvents", func() (int, error) { return s.Store.EraseEvents(ctx, a, b, c) })
}

func (s *failing) Events(ctx context.Context, a string, b store.EventQuery) ([]store.Event, error) {
	return unless(s, "Events", func() ([]store.Event, error) { return s.Store.Events(ctx, a, b) })
}

func (s *failing) Grants(ctx context.Context, a, b string) ([]store.Grant, error) {
	return unless(s, "Grants", func() ([]store.Grant, error) { return s.Store.Grants(ctx, a, b) })
}

func (s *failing) GrantsOfGroup(ctx context.Context, a, b string, c store.GrantKey, d int) ([]store.Grant, error) {
	return unless(s, "GrantsOfGroup", func() ([]store.Grant, error) { return s.Store.GrantsOfGroup(ctx, a, b, c, d) })
}

func (s *failing) Holdings(ctx context.Context, a string) (map[store.RecordKind]int, error) {
	return unless(s, "Holdings", func() (map[store.RecordKind]int, error) { return s.Store.Holdings(ctx, a) })
}

func (s *failing) Identities(ctx context.Context, a string, b store.Query) (store.Page[store.Identity], error) {
	return unless(s, "Identities", func() (store.Page[store.Identity], error) { return s.Store.Identities(ctx, a, b) })
}

func (s *failing) IdentitiesOf(ctx context.Context, a, b string) ([]store.Identity, error) {
	return unless(s, "IdentitiesOf", func() ([]store.Identity, error) { return s.Store.IdentitiesOf(ctx, a, b) })
}

func (s *failing) Identity(ctx context.Context, a, b, c string, d string) (store.Identity, error) {
	return unless(s, "Identity", func() (store.Identity, error) { return s.Store.Identity(ctx, a, b, c, d) })
}

func (s *failing) Lifecycle(ctx context.Context, a string) (store.Lifecycle, error) {
	return unless(s, "Lifecycle", func() (store.Lifecycle, error) { return s.Store.Lifecycle(ctx, a) })
}

func (s *failing) MarkAPIKeyUsed(ctx context.Context, a, b string, c time.Time) error {
	return s.unlessErr("MarkAPIKeyUsed", func() error { return s.Store.MarkAPIKeyUsed(ctx, a, b, c) })
}

func (s *failing) MarkDirectoryUsed(ctx context.Context, a, b string, c time.Time) error {
	return s.unlessErr("MarkDirectoryUsed", func() error { return s.Store.MarkDirectoryUsed(ctx, a, b, c) })
}

func (s *failing) Position(ctx context.Context, a, b string) (int64, error) {
	return unless(s, "Position", func() (int64, error) { return s.Store.Position(ctx, a, b) })
}

func (s *failing) ProvisioningSettings(ctx context.Context, a string) (store.ProvisioningSettings, error) {
	return unless(s, "ProvisioningSettings", func() (store.ProvisioningSettings, error) { return s.Store.ProvisioningSettings(ctx, a) })
}

func (s *failing) PutLifecycle(ctx context.Context, a string, b store.Lifecycle, c ...store.Event) (store.Lifecycle, error) {
	return unless(s, "PutLifecycle", func() (store.Lifecycle, error) { return s.Store.PutLifecycle(ctx, a, b, c...) })
}

func (s *failing) PutProvisioningSettings(ctx context.Context, a string, b store.ProvisioningSettings, c ...store.Event) (store.ProvisioningSettings, error) {
	return unless(s, "PutProvisioningSettings", func() (store.ProvisioningSettings, error) { return s.Store.PutProvisioningSettings(ctx, a, b, c...) })
}

func (s *failing) PutToken(ctx context.Context, a string, b store.Token) error {
	return s.unlessErr("PutToken", func() error { return s.Store.PutToken(ctx, a, b) })
}

func (s *failing) ReleaseLease(ctx context.Context, a, b, c string) error {
	return s.unlessErr("ReleaseLease", func() error { return s.Store.ReleaseLease(ctx, a, b, c) })
}

func (s *failing) SCIMGroup(ctx context.Context, a, b string) (store.SCIMGroup, error) {
	return unless(s, "SCIMGroup", func() (store.SCIMGroup, error) { return s.Store.SCIMGroup(ctx, a, b) })
}

func (s *failing) SCIMGroups(ctx context.Context, a string, b store.Query) (store.Page[store.SCIMGroup], error) {
	return unless(s, "SCIMGroups", func() (store.Page[store.SCIMGroup], error) { return s.Store.SCIMGroups(ctx, a, b) })
}

func (s *failing) SCIMGroupsOf(ctx context.Context, a string, b ...string) (map[string][]store.GroupRef, error) {
	return unless(s, "SCIMGroupsOf", func() (map[string][]store.GroupRef, error) { return s.Store.SCIMGroupsOf(ctx, a, b...) })
}

func (s *failing) SCIMMembers(ctx context.Context, a, b, c string, d int) ([]store.Member, error) {
	return unless(s, "SCIMMembers", func() ([]store.Member, error) { return s.Store.SCIMMembers(ctx, a, b, c, d) })
}

func (s *failing) SCIMUser(ctx context.Context, a, b string) (store.SCIMUser, error) {
	return unless(s, "SCIMUser", func() (store.SCIMUser, error) { return s.Store.SCIMUser(ctx, a, b) })
}

func (s *failing) SCIMUsers(ctx context.Context, a string, b store.Query) (store.Page[store.SCIMUser], error) {
	return unless(s, "SCIMUsers", func() (store.Page[store.SCIMUser], error) { return s.Store.SCIMUsers(ctx, a, b) })
}

func (s *failing) SavePosition(ctx context.Context, a, b string, c int64, d int64) error {
	return s.unlessErr("SavePosition", func() error { return s.Store.SavePosition(ctx, a, b, c, d) })
}

func (s *failing) TakeToken(ctx context.Context, a, b, c string, d time.Time) ([]uint8, error) {
	return unless(s, "TakeToken", func() ([]uint8, error) { return s.Store.TakeToken(ctx, a, b, c, d) })
}

func (s *failing) TenantOfDomain(ctx context.Context, a string) (store.Ref, error) {
	return unless(s, "TenantOfDomain", func() (store.Ref, error) { return s.Store.TenantOfDomain(ctx, a) })
}

func (s *failing) Tenants(ctx context.Context, a string, b int) ([]string, error) {
	return unless(s, "Tenants", func() ([]string, error) { return s.Store.Tenants(ctx, a, b) })
}

func (s *failing) TenantsBehind(ctx context.Context, a, b string, c int) ([]string, error) {
	return unless(s, "TenantsBehind", func() ([]string, error) { return s.Store.TenantsBehind(ctx, a, b, c) })
}

func (s *failing) TenantsInState(ctx context.Context, a store.ServiceState, b string, c int) ([]string, error) {
	return unless(s, "TenantsInState", func() ([]string, error) { return s.Store.TenantsInState(ctx, a, b, c) })
}

func (s *failing) UpdateAPIKey(ctx context.Context, a string, b store.APIKey, c ...store.Event) (store.APIKey, error) {
	return unless(s, "UpdateAPIKey", func() (store.APIKey, error) { return s.Store.UpdateAPIKey(ctx, a, b, c...) })
}

func (s *failing) UpdateAccount(ctx context.Context, a string, b store.Account, c ...store.Event) (store.Account, error) {
	return unless(s, "UpdateAccount", func() (store.Account, error) { return s.Store.UpdateAccount(ctx, a, b, c...) })
}

func (s *failing) UpdateConnection(ctx context.Context, a string, b store.Connection, c ...store.Event) (store.Connection, error) {
	return unless(s, "UpdateConnection", func() (store.Connection, error) { return s.Store.UpdateConnection(ctx, a, b, c...) })
}

func (s *failing) UpdateDirectory(ctx context.Context, a string, b store.Directory, c ...store.Event) (store.Directory, error) {
	return unless(s, "UpdateDirectory", func() (store.Directory, error) { return s.Store.UpdateDirectory(ctx, a, b, c...) })
}

func (s *failing) UpdateDomain(ctx context.Context, a string, b store.Domain, c ...store.Event) (store.Domain, error) {
	return unless(s, "UpdateDomain", func() (store.Domain, error) { return s.Store.UpdateDomain(ctx, a, b, c...) })
}

func (s *failing) UpdateIdentity(ctx context.Context, a string, b store.Identity, c ...store.Event) (store.Identity, error) {
	return unless(s, "UpdateIdentity", func() (store.Identity, error) { return s.Store.UpdateIdentity(ctx, a, b, c...) })
}

func (s *failing) UpdateSCIMGroup(ctx context.Context, a string, b store.SCIMGroup, c ...store.Event) (store.SCIMGroup, error) {
	return unless(s, "UpdateSCIMGroup", func() (store.SCIMGroup, error) { return s.Store.UpdateSCIMGroup(ctx, a, b, c...) })
}

func (s *failing) UpdateSCIMUser(ctx context.Context, a string, b store.SCIMUser, c ...store.Event) (store.SCIMUser, error) {
	return unless(s, "UpdateSCIMUser", func() (store.SCIMUser, error) { return s.Store.UpdateSCIMUser(ctx, a, b, c...) })
}

func (s *failing) CreateSetupLink(ctx context.Context, a string, b store.SetupLink, c ...store.Event) (store.SetupLink, error) {
	return unless(s, "CreateSetupLink", func() (store.SetupLink, error) {
		return s.Store.(store.SetupLinkStore).CreateSetupLink(ctx, a, b, c...)
	})
}

func (s *failing) DeleteSetupLink(ctx context.Context, a, b string, c int64, d ...store.Event) error {
	return s.unlessErr("DeleteSetupLink", func() error { return s.Store.(store.SetupLinkStore).DeleteSetupLink(ctx, a, b, c, d...) })
}

func (s *failing) MarkSetupLinkUsed(ctx context.Context, a, b string, c time.Time) error {
	return s.unlessErr("MarkSetupLinkUsed", func() error { return s.Store.(store.SetupLinkStore).MarkSetupLinkUsed(ctx, a, b, c) })
}

func (s *failing) SetupLink(ctx context.Context, a, b string) (store.SetupLink, error) {
	return unless(s, "SetupLink", func() (store.SetupLink, error) { return s.Store.(store.SetupLinkStore).SetupLink(ctx, a, b) })
}

func (s *failing) SetupLinkByBrowser(ctx context.Context, a string, b []byte) (store.SetupLink, error) {
	return unless(s, "SetupLinkByBrowser", func() (store.SetupLink, error) { return s.Store.(store.SetupLinkStore).SetupLinkByBrowser(ctx, a, b) })
}

func (s *failing) SetupLinkByHash(ctx context.Context, a string, b []byte) (store.SetupLink, error) {
	return unless(s, "SetupLinkByHash", func() (store.SetupLink, error) { return s.Store.(store.SetupLinkStore).SetupLinkByHash(ctx, a, b) })
}

func (s *failing) SetupLinks(ctx context.Context, a string, b store.Query) (store.Page[store.SetupLink], error) {
	return unless(s, "SetupLinks", func() (store.Page[store.SetupLink], error) {
		return s.Store.(store.SetupLinkStore).SetupLinks(ctx, a, b)
	})
}

func (s *failing) TenantsWithSetupLinks(ctx context.Context, a string, b int) ([]string, error) {
	return unless(s, "TenantsWithSetupLinks", func() ([]string, error) { return s.Store.(store.SetupLinkStore).TenantsWithSetupLinks(ctx, a, b) })
}

func (s *failing) UpdateSetupLink(ctx context.Context, a string, b store.SetupLink, c ...store.Event) (store.SetupLink, error) {
	return unless(s, "UpdateSetupLink", func() (store.SetupLink, error) {
		return s.Store.(store.SetupLinkStore).UpdateSetupLink(ctx, a, b, c...)
	})
}

func (s *failing) CreateWebhook(ctx context.Context, a string, b store.Webhook, c ...store.Event) (store.Webhook, error) {
	return unless(s, "CreateWebhook", func() (store.Webhook, error) { return s.Store.(store.WebhookStore).CreateWebhook(ctx, a, b, c...) })
}

func (s *failing) DeleteWebhook(ctx context.Context, a, b string, c int64, d ...store.Event) error {
	return s.unlessErr("DeleteWebhook", func() error { return s.Store.(store.WebhookStore).DeleteWebhook(ctx, a, b, c, d...) })
}

func (s *failing) UpdateWebhook(ctx context.Context, a string, b store.Webhook, c ...store.Event) (store.Webhook, error) {
	return unless(s, "UpdateWebhook", func() (store.Webhook, error) { return s.Store.(store.WebhookStore).UpdateWebhook(ctx, a, b, c...) })
}

func (s *failing) Webhook(ctx context.Context, a, b string) (store.Webhook, error) {
	return unless(s, "Webhook", func() (store.Webhook, error) { return s.Store.(store.WebhookStore).Webhook(ctx, a, b) })
}

func (s *failing) Webhooks(ctx context.Context, a string) ([]store.Webhook, error) {
	return unless(s, "Webhooks", func() ([]store.Webhook, error) { return s.Store.(store.WebhookStore).Webhooks(ctx, a) })
}

func (s *failing) AccountsOfSCIMUsers(ctx context.Context, a string, b []string) ([]store.Account, error) {
	return unless(s, "AccountsOfSCIMUsers", func() ([]store.Account, error) { return s.Store.(store.PeopleReader).AccountsOfSCIMUsers(ctx, a, b) })
}

func (s *failing) AccountsWithIDs(ctx context.Context, a string, b []string) ([]store.Account, error) {
	return unless(s, "AccountsWithIDs", func() ([]store.Account, error) { return s.Store.(store.PeopleReader).AccountsWithIDs(ctx, a, b) })
}

func (s *failing) IdentitiesOfAccounts(ctx context.Context, a string, b []string) ([]store.Identity, error) {
	return unless(s, "IdentitiesOfAccounts", func() ([]store.Identity, error) { return s.Store.(store.PeopleReader).IdentitiesOfAccounts(ctx, a, b) })
}

func (s *failing) CreateSCIMResource(ctx context.Context, a string, b store.SCIMResource, c ...store.Event) (store.SCIMResource, error) {
	return unless(s, "CreateSCIMResource", func() (store.SCIMResource, error) {
		return s.Store.(store.SCIMResourceStore).CreateSCIMResource(ctx, a, b, c...)
	})
}

func (s *failing) DeleteSCIMResource(ctx context.Context, a, b, c string, d int64, e ...store.Event) error {
	return s.unlessErr("DeleteSCIMResource", func() error { return s.Store.(store.SCIMResourceStore).DeleteSCIMResource(ctx, a, b, c, d, e...) })
}

func (s *failing) SCIMResource(ctx context.Context, a, b, c string) (store.SCIMResource, error) {
	return unless(s, "SCIMResource", func() (store.SCIMResource, error) {
		return s.Store.(store.SCIMResourceStore).SCIMResource(ctx, a, b, c)
	})
}

func (s *failing) SCIMResources(ctx context.Context, a, b string, c store.Query) (store.Page[store.SCIMResource], error) {
	return unless(s, "SCIMResources", func() (store.Page[store.SCIMResource], error) {
		return s.Store.(store.SCIMResourceStore).SCIMResources(ctx, a, b, c)
	})
}

func (s *failing) UpdateSCIMResource(ctx context.Context, a string, b store.SCIMResource, c ...store.Event) (store.SCIMResource, error) {
	return unless(s, "UpdateSCIMResource", func() (store.SCIMResource, error) {
		return s.Store.(store.SCIMResourceStore).UpdateSCIMResource(ctx, a, b, c...)
	})
}

func (s *failing) FindDirectory(ctx context.Context, a string, b []byte) (store.FoundDirectory, error) {
	return unless(s, "FindDirectory", func() (store.FoundDirectory, error) { return s.Store.(store.LookupStore).FindDirectory(ctx, a, b) })
}

func (s *failing) FindDomains(ctx context.Context, a store.DomainQuery) ([]store.FoundDomain, error) {
	return unless(s, "FindDomains", func() ([]store.FoundDomain, error) { return s.Store.(store.LookupStore).FindDomains(ctx, a) })
}
