package storetest

import (
	"context"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// method calls one method of the contracts with what a world holds.
type method struct {
	name string
	// creates says that the call succeeds where the world is not settled; otherwise it
	// succeeds where it is.
	creates bool
	// fails is what the call answers in the other case; nil if it succeeds there too, a
	// read with nothing.
	fails error
	// reads says that the call changes nothing.
	reads bool
	// across says that the method belongs to no tenant.
	across bool
	needs  func(store.Store) bool
	call   func(ctx context.Context, st store.Store, tenantID string, w world, events ...store.Event) (any, error)
}

// only drops the result of a method that returns an error alone.
func only(err error) (any, error) { return nil, err }

// methods has a row for every method of the contracts; a check sees to that.
func methods() []method {
	type (
		c = context.Context
		s = store.Store
		e = store.Event
	)
	found := func(name string, call func(ctx c, st s, t string, w world) (any, error)) method {
		return method{name: name, reads: true, fails: store.ErrNotFound, call: func(ctx c, st s, t string, w world, _ ...e) (any, error) { return call(ctx, st, t, w) }}
	}
	listed := func(name string, call func(ctx c, st s, t string, w world) (any, error)) method {
		m := found(name, call)
		m.fails = nil
		return m
	}
	across := func(name string, call func(ctx c, st s, t string, w world) (any, error)) method {
		m := listed(name, call)
		m.across = true
		return m
	}
	creates := func(name string, call func(ctx c, st s, t string, w world, ev ...e) (any, error)) method {
		return method{name: name, creates: true, fails: store.ErrConflict, call: call}
	}
	changes := func(name string, call func(ctx c, st s, t string, w world, ev ...e) (any, error)) method {
		return method{name: name, fails: store.ErrNotFound, call: call}
	}
	writes := func(name string, call func(ctx c, st s, t string, w world, ev ...e) (any, error)) method {
		return method{name: name, call: call}
	}
	optional := func(m method) method {
		m.needs = keepsResources
		return m
	}
	counting := func(m method) method {
		m.needs = counts
		return m
	}
	signing := func(m method) method {
		m.needs = signsIn
		return m
	}
	looking := func(m method) method {
		m.needs = looksUp
		return m
	}
	linking := func(m method) method {
		m.needs = keepsSetupLinks
		return m
	}
	hooking := func(m method) method {
		m.needs = keepsWebhooks
		return m
	}
	together := func(m method) method {
		m.needs = readsPeople
		return m
	}
	locking := func(m method) method {
		m.needs = readsLocks
		return m
	}
	device := func(st s) store.SCIMResourceStore { return st.(store.SCIMResourceStore) }
	all := store.Query{}

	return []method{
		found("Connection", func(ctx c, st s, t string, w world) (any, error) { return st.Connection(ctx, t, w.connection.ID) }),
		listed("Connections", func(ctx c, st s, t string, _ world) (any, error) { return st.Connections(ctx, t) }),
		creates("CreateConnection", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.CreateConnection(ctx, t, w.connection, ev...)
		}),
		changes("UpdateConnection", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.UpdateConnection(ctx, t, next(w.connection), ev...)
		}),
		changes("DeleteConnection", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return only(st.DeleteConnection(ctx, t, w.connection.ID, 1, ev...))
		}),

		found("Domain", func(ctx c, st s, t string, w world) (any, error) { return st.Domain(ctx, t, w.domain.ID) }),
		listed("Domains", func(ctx c, st s, t string, _ world) (any, error) { return st.Domains(ctx, t) }),
		creates("CreateDomain", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.CreateDomain(ctx, t, w.domain, ev...)
		}),
		changes("UpdateDomain", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.UpdateDomain(ctx, t, next(w.domain), ev...)
		}),
		changes("DeleteDomain", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return only(st.DeleteDomain(ctx, t, w.domain.ID, 1, ev...))
		}),

		found("Directory", func(ctx c, st s, t string, w world) (any, error) { return st.Directory(ctx, t, w.directory.ID) }),
		listed("Directories", func(ctx c, st s, t string, _ world) (any, error) { return st.Directories(ctx, t) }),
		creates("CreateDirectory", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.CreateDirectory(ctx, t, w.directory, ev...)
		}),
		changes("UpdateDirectory", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.UpdateDirectory(ctx, t, next(w.directory), ev...)
		}),
		changes("DeleteDirectory", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return only(st.DeleteDirectory(ctx, t, w.directory.ID, 1, ev...))
		}),

		changes("MarkDirectoryUsed", func(ctx c, st s, t string, w world, _ ...e) (any, error) {
			return only(st.MarkDirectoryUsed(ctx, t, w.directory.ID, w.now))
		}),

		found("APIKey", func(ctx c, st s, t string, w world) (any, error) { return st.APIKey(ctx, t, w.key.ID) }),
		found("APIKeyByHash", func(ctx c, st s, t string, w world) (any, error) { return st.APIKeyByHash(ctx, t, w.key.Hash) }),
		listed("APIKeys", func(ctx c, st s, t string, _ world) (any, error) { return st.APIKeys(ctx, t) }),
		creates("CreateAPIKey", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.CreateAPIKey(ctx, t, w.key, ev...)
		}),
		changes("UpdateAPIKey", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.UpdateAPIKey(ctx, t, next(w.key), ev...)
		}),
		changes("MarkAPIKeyUsed", func(ctx c, st s, t string, w world, _ ...e) (any, error) {
			return only(st.MarkAPIKeyUsed(ctx, t, w.key.ID, w.now))
		}),

		found("SCIMUser", func(ctx c, st s, t string, w world) (any, error) { return st.SCIMUser(ctx, t, w.user.ID) }),
		listed("SCIMUsers", func(ctx c, st s, t string, _ world) (any, error) { return st.SCIMUsers(ctx, t, all) }),
		creates("CreateSCIMUser", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.CreateSCIMUser(ctx, t, w.user, ev...)
		}),
		changes("UpdateSCIMUser", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.UpdateSCIMUser(ctx, t, next(w.user), ev...)
		}),
		changes("DeleteSCIMUser", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return only(st.DeleteSCIMUser(ctx, t, w.user.ID, 1, ev...))
		}),

		found("SCIMGroup", func(ctx c, st s, t string, w world) (any, error) { return st.SCIMGroup(ctx, t, w.group.ID) }),
		listed("SCIMGroups", func(ctx c, st s, t string, _ world) (any, error) { return st.SCIMGroups(ctx, t, all) }),
		creates("CreateSCIMGroup", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.CreateSCIMGroup(ctx, t, w.group, w.members, ev...)
		}),
		changes("UpdateSCIMGroup", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.UpdateSCIMGroup(ctx, t, next(w.group), ev...)
		}),
		changes("DeleteSCIMGroup", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return only(st.DeleteSCIMGroup(ctx, t, w.group.ID, 1, ev...))
		}),
		changes("ChangeSCIMMembers", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			d := store.MemberDelta{Add: []store.Member{member("added")}, Remove: []string{w.user.ID}}
			return st.ChangeSCIMMembers(ctx, t, w.group.ID, d, w.now, nil, ev...)
		}),
		found("SCIMMembers", func(ctx c, st s, t string, w world) (any, error) { return st.SCIMMembers(ctx, t, w.group.ID, "", 10) }),
		listed("SCIMGroupsOf", func(ctx c, st s, t string, w world) (any, error) { return st.SCIMGroupsOf(ctx, t, w.user.ID) }),

		found("Identity", func(ctx c, st s, t string, w world) (any, error) {
			return st.Identity(ctx, t, w.identity.ConnectionID, w.identity.Issuer, w.identity.Subject)
		}),
		listed("IdentitiesOf", func(ctx c, st s, t string, w world) (any, error) {
			return st.IdentitiesOf(ctx, t, w.identity.AccountID)
		}),
		listed("Identities", func(ctx c, st s, t string, _ world) (any, error) { return st.Identities(ctx, t, all) }),
		creates("CreateIdentity", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.CreateIdentity(ctx, t, w.identity, ev...)
		}),
		changes("UpdateIdentity", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.UpdateIdentity(ctx, t, next(w.identity), ev...)
		}),
		changes("DeleteIdentity", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return only(st.DeleteIdentity(ctx, t, w.identity.ID, ev...))
		}),
		writes("DeleteIdentitiesOfConnection", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.DeleteIdentitiesOfConnection(ctx, t, w.identity.ConnectionID, ev...)
		}),

		found("Account", func(ctx c, st s, t string, w world) (any, error) { return st.Account(ctx, t, w.account.ID) }),
		found("AccountOfSCIMUser", func(ctx c, st s, t string, w world) (any, error) {
			return st.AccountOfSCIMUser(ctx, t, w.account.SCIMUserID)
		}),
		listed("Accounts", func(ctx c, st s, t string, _ world) (any, error) { return st.Accounts(ctx, t, all) }),
		creates("CreateAccount", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.CreateAccount(ctx, t, w.account, ev...)
		}),
		changes("UpdateAccount", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.UpdateAccount(ctx, t, next(w.account), ev...)
		}),
		changes("DeleteAccount", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return only(st.DeleteAccount(ctx, t, w.account.ID, 1, ev...))
		}),

		found("ProvisioningSettings", func(ctx c, st s, t string, _ world) (any, error) { return st.ProvisioningSettings(ctx, t) }),
		{name: "PutProvisioningSettings", creates: true, fails: store.ErrStale, call: func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.PutProvisioningSettings(ctx, t, w.settings, ev...)
		}},
		listed("Grants", func(ctx c, st s, t string, w world) (any, error) { return st.Grants(ctx, t, w.grant.AccountID) }),
		listed("GrantsOfGroup", func(ctx c, st s, t string, w world) (any, error) {
			return st.GrantsOfGroup(ctx, t, w.grant.GroupID, store.GrantKey{}, 10)
		}),
		listed("AllGrants", func(ctx c, st s, t string, _ world) (any, error) { return st.AllGrants(ctx, t, store.GrantKey{}, 10) }),
		writes("ChangeGrants", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return only(st.ChangeGrants(ctx, t, []store.Grant{membership("added", "t", "g")}, []store.GrantKey{w.grant.Key()}, ev...))
		}),

		found("Lifecycle", func(ctx c, st s, t string, _ world) (any, error) { return st.Lifecycle(ctx, t) }),
		{name: "PutLifecycle", creates: true, fails: store.ErrStale, call: func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return st.PutLifecycle(ctx, t, w.lifecycle, ev...)
		}},
		listed("Holdings", func(ctx c, st s, t string, _ world) (any, error) { return st.Holdings(ctx, t) }),
		writes("Erase", func(ctx c, st s, t string, _ world, _ ...e) (any, error) {
			return st.Erase(ctx, t, store.KindDomain, 10)
		}),
		writes("EraseEvents", func(ctx c, st s, t string, _ world, _ ...e) (any, error) {
			return st.EraseEvents(ctx, t, math.MaxInt64, 10)
		}),

		{name: "PutToken", creates: true, fails: store.ErrConflict, call: func(ctx c, st s, t string, w world, _ ...e) (any, error) {
			return only(st.PutToken(ctx, t, w.token))
		}},
		changes("TakeToken", func(ctx c, st s, t string, w world, _ ...e) (any, error) {
			return st.TakeToken(ctx, t, w.token.Kind, w.token.Key, w.now)
		}),
		found("ReadToken", func(ctx c, st s, t string, w world) (any, error) {
			return st.ReadToken(ctx, t, w.token.Kind, w.token.Key, w.now)
		}),
		writes("DeleteExpiredTokens", func(ctx c, st s, t string, w world, _ ...e) (any, error) {
			return st.DeleteExpiredTokens(ctx, t, w.token.ExpiresAt)
		}),
		{name: "AcquireLease", creates: true, fails: store.ErrConflict, call: func(ctx c, st s, t string, w world, _ ...e) (any, error) {
			return st.AcquireLease(ctx, t, w.lease, "another", w.now, w.now.Add(time.Hour))
		}},
		writes("ReleaseLease", func(ctx c, st s, t string, w world, _ ...e) (any, error) {
			return only(st.ReleaseLease(ctx, t, w.lease, "owner"))
		}),

		writes("AppendEvents", func(ctx c, st s, t string, _ world, ev ...e) (any, error) {
			return only(st.AppendEvents(ctx, t, ev...))
		}),
		listed("Events", func(ctx c, st s, t string, _ world) (any, error) { return st.Events(ctx, t, store.EventQuery{}) }),
		listed("Position", func(ctx c, st s, t string, w world) (any, error) { return st.Position(ctx, t, w.reader) }),
		{name: "SavePosition", fails: store.ErrStale, call: func(ctx c, st s, t string, w world, _ ...e) (any, error) {
			return only(st.SavePosition(ctx, t, w.reader, 1, 2))
		}},

		across("TenantOfDomain", func(ctx c, st s, _ string, w world) (any, error) { return st.TenantOfDomain(ctx, w.domain.Name) }),
		across("ConnectionsByIssuer", func(ctx c, st s, _ string, w world) (any, error) {
			return st.ConnectionsByIssuer(ctx, w.connection.Issuer)
		}),
		across("ConnectionsByState", func(ctx c, st s, t string, _ world) (any, error) {
			return st.ConnectionsByState(ctx, store.ConnectionActive, store.Ref{TenantID: t}, 10)
		}),
		across("DomainsDue", func(ctx c, st s, _ string, w world) (any, error) {
			return st.DomainsDue(ctx, w.now, store.DomainDue{}, 10)
		}),
		across("DomainsContested", func(ctx c, st s, t string, _ world) (any, error) {
			return st.DomainsContested(ctx, store.Ref{TenantID: t}, 10)
		}),
		across("Tenants", func(ctx c, st s, t string, _ world) (any, error) { return st.Tenants(ctx, t, 10) }),
		across("TenantsBehind", func(ctx c, st s, t string, w world) (any, error) { return st.TenantsBehind(ctx, w.reader, t, 10) }),
		across("TenantsInState", func(ctx c, st s, t string, _ world) (any, error) {
			return st.TenantsInState(ctx, store.ServiceSuspended, t[:len(t)-1], 10)
		}),
		across("InTx", func(ctx c, st s, _ string, _ world) (any, error) {
			return only(st.InTx(ctx, func(store.Store) error { return nil }))
		}),

		counting(listed("CountSCIMUsers", func(ctx c, st s, t string, _ world) (any, error) {
			return st.(store.SCIMCounter).CountSCIMUsers(ctx, t, nil)
		})),
		counting(listed("CountSCIMGroups", func(ctx c, st s, t string, _ world) (any, error) {
			return st.(store.SCIMCounter).CountSCIMGroups(ctx, t, nil)
		})),

		signing(method{name: "UseAttempt", creates: true, fails: store.ErrConflict, call: func(ctx c, st s, t string, w world, _ ...e) (any, error) {
			c, err := st.(store.SignInStore).UseAttempt(ctx, t, w.token, w.connection.ID)
			if c.ID == "" {
				return nil, err
			}
			return c, err
		}}),
		signing(listed("FindSignIn", func(ctx c, st s, t string, w world) (any, error) {
			q := store.SignInQuery{ConnectionID: w.identity.ConnectionID, Issuer: w.identity.Issuer, Subject: w.identity.Subject, Email: w.user.UserName}
			return foundSignIn(st.(store.SignInStore).FindSignIn(ctx, t, q))
		})),
		signing(across("InTxThen", func(ctx c, st s, _ string, _ world) (any, error) {
			return only(st.(store.SignInStore).InTxThen(ctx, func(store.Store) (func(store.Store) error, error) { return nil, nil }))
		})),
		signing(across("SignInStoreOf", func(ctx c, st s, _ string, _ world) (any, error) {
			return st.(store.SignInStore).SignInStoreOf(), ctx.Err()
		})),

		looking(across("FindDomains", func(ctx c, st s, _ string, w world) (any, error) {
			return st.(store.LookupStore).FindDomains(ctx, store.DomainQuery{Names: []string{w.domain.Name}})
		})),
		looking(listed("FindDirectory", func(ctx c, st s, t string, w world) (any, error) {
			return foundDirectory(st.(store.LookupStore).FindDirectory(ctx, t, w.key.Hash))
		})),
		looking(across("LookupStoreOf", func(ctx c, st s, _ string, _ world) (any, error) {
			return st.(store.LookupStore).LookupStoreOf(), ctx.Err()
		})),

		optional(found("SCIMResource", func(ctx c, st s, t string, w world) (any, error) {
			return device(st).SCIMResource(ctx, t, deviceType, w.resource.ID)
		})),
		optional(listed("SCIMResources", func(ctx c, st s, t string, _ world) (any, error) {
			return device(st).SCIMResources(ctx, t, deviceType, all)
		})),
		optional(creates("CreateSCIMResource", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return device(st).CreateSCIMResource(ctx, t, w.resource, ev...)
		})),
		optional(changes("UpdateSCIMResource", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return device(st).UpdateSCIMResource(ctx, t, next(w.resource), ev...)
		})),
		optional(changes("DeleteSCIMResource", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return only(device(st).DeleteSCIMResource(ctx, t, deviceType, w.resource.ID, 1, ev...))
		})),

		hooking(found("Webhook", func(ctx c, st s, t string, w world) (any, error) { return hooks(st).Webhook(ctx, t, w.webhook.ID) })),
		hooking(listed("Webhooks", func(ctx c, st s, t string, _ world) (any, error) { return hooks(st).Webhooks(ctx, t) })),
		hooking(creates("CreateWebhook", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return hooks(st).CreateWebhook(ctx, t, w.webhook, ev...)
		})),
		hooking(changes("UpdateWebhook", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return hooks(st).UpdateWebhook(ctx, t, next(w.webhook), ev...)
		})),
		hooking(changes("DeleteWebhook", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return only(hooks(st).DeleteWebhook(ctx, t, w.webhook.ID, 1, ev...))
		})),

		linking(found("SetupLink", func(ctx c, st s, t string, w world) (any, error) { return links(st).SetupLink(ctx, t, w.link.ID) })),
		linking(found("SetupLinkByHash", func(ctx c, st s, t string, w world) (any, error) {
			return links(st).SetupLinkByHash(ctx, t, w.link.Hash)
		})),
		linking(found("SetupLinkByBrowser", func(ctx c, st s, t string, w world) (any, error) {
			return links(st).SetupLinkByBrowser(ctx, t, w.link.BrowserHash)
		})),
		linking(listed("SetupLinks", func(ctx c, st s, t string, _ world) (any, error) { return links(st).SetupLinks(ctx, t, all) })),
		linking(creates("CreateSetupLink", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return links(st).CreateSetupLink(ctx, t, w.link, ev...)
		})),
		linking(changes("UpdateSetupLink", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return links(st).UpdateSetupLink(ctx, t, next(w.link), ev...)
		})),
		linking(changes("MarkSetupLinkUsed", func(ctx c, st s, t string, w world, _ ...e) (any, error) {
			return only(links(st).MarkSetupLinkUsed(ctx, t, w.link.ID, w.now))
		})),
		linking(changes("DeleteSetupLink", func(ctx c, st s, t string, w world, ev ...e) (any, error) {
			return only(links(st).DeleteSetupLink(ctx, t, w.link.ID, 1, ev...))
		})),
		linking(across("TenantsWithSetupLinks", func(ctx c, st s, t string, _ world) (any, error) {
			return links(st).TenantsWithSetupLinks(ctx, t, 10)
		})),

		together(listed("IdentitiesOfAccounts", func(ctx c, st s, t string, w world) (any, error) {
			return people(st).IdentitiesOfAccounts(ctx, t, []string{w.identity.AccountID})
		})),
		together(listed("AccountsWithIDs", func(ctx c, st s, t string, w world) (any, error) {
			return people(st).AccountsWithIDs(ctx, t, []string{w.account.ID})
		})),
		together(listed("AccountsOfSCIMUsers", func(ctx c, st s, t string, w world) (any, error) {
			return people(st).AccountsOfSCIMUsers(ctx, t, []string{w.account.SCIMUserID})
		})),

		locking(listed("GrantsOfAccounts", func(ctx c, st s, t string, w world) (any, error) {
			return locks(st).GrantsOfAccounts(ctx, t, []string{w.grant.AccountID})
		})),
		locking(listed("GroupsWithIDs", func(ctx c, st s, t string, w world) (any, error) {
			return locks(st).GroupsWithIDs(ctx, t, []string{w.group.ID})
		})),
		locking(listed("SCIMUsersAmong", func(ctx c, st s, t string, w world) (any, error) {
			return locks(st).SCIMUsersAmong(ctx, t, []string{w.user.ID})
		})),
	}
}

// next returns the record as an update of its first version.
func next[T any](v T) T {
	reflect.ValueOf(&v).Elem().FieldByName("Version").SetInt(1)
	return v
}

// contracts are the interfaces whose methods the table must have.
var contracts = []reflect.Type{
	reflect.TypeFor[store.Store](), reflect.TypeFor[store.SCIMCounter](), reflect.TypeFor[store.SCIMResourceStore](),
	reflect.TypeFor[store.SignInStore](), reflect.TypeFor[store.LookupStore](),
	reflect.TypeFor[store.SetupLinkStore](), reflect.TypeFor[store.WebhookStore](), reflect.TypeFor[store.PeopleReader](), reflect.TypeFor[store.LockReader](),
}

// takesEvents says whether the method of the contracts ends in events.
func takesEvents(name string) bool {
	for _, contract := range contracts {
		if m, ok := contract.MethodByName(name); ok {
			return m.Type.IsVariadic() && m.Type.In(m.Type.NumIn()-1) == reflect.TypeFor[[]store.Event]()
		}
	}
	return false
}

// calls are the methods that the store has.
func (p *probe) calls(keep func(method) bool) []method {
	return slices.DeleteFunc(methods(), func(m method) bool {
		return m.needs != nil && !m.needs(p.st) || !keep(m)
	})
}
