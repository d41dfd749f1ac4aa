package storetest

import (
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

func looksUp(st store.Store) bool {
	s, ok := st.(store.LookupStore)
	return ok && s.LookupStoreOf() == st
}

func lookupChecks() []check {
	return []check{
		{name: "domains", rule: "FindDomains returns the verified domains of these names, in their order, as their tenant's methods return them; pending ones and other names are not found", needs: looksUp, run: checkFindDomains},
		{name: "serving", rule: "FindDomains returns, where asked, the connections that serve a domain and that its own tenant has, first choice first, in whatever state", needs: looksUp, run: checkFindServing},
		{name: "domain texts", rule: "FindDomains finds domains and their connections whatever text their records have", needs: looksUp, run: checkDomainTexts},
		{name: "directory", rule: "FindDirectory returns the key and its directory as the methods of each return them, and the states of that one's connection and of the tenant; what there is not is zero, and without the key all is", needs: looksUp, run: checkFindDirectory},
		{name: "directory texts", rule: "FindDirectory finds what a key leads to whatever text the records have", needs: looksUp, run: checkDirectoryTexts},
		{name: "in tx", rule: "in a transaction FindDomains and FindDirectory see what it wrote", needs: looksUp, run: checkLookupInTx},
	}
}

// served adds a domain that these connections serve.
func (p *probe) served(tenantID string, state store.DomainState, connectionIDs ...string) store.Domain {
	p.Helper()
	d := domains.fresh(p)
	d.State, d.ConnectionID, d.OtherConnections = state, connectionIDs[0], connectionIDs[1:]
	if len(d.OtherConnections) == 0 {
		d.OtherConnections = nil
	}
	return domains.add(p, tenantID, d)
}

// findsDomains wants FindDomains to return this.
func (p *probe) findsDomains(st store.Store, q store.DomainQuery, want []store.FoundDomain, did string) {
	p.Helper()
	got, err := st.(store.LookupStore).FindDomains(p.ctx, q)
	p.ok(err, "%s", did)
	p.that(len(got) == len(want), fmt.Sprint(len(want), " domains"), fmt.Sprint(len(got)), "%s", did)
	for i := range got {
		p.same(got[i], want[i], "%s", did)
	}
}

func checkFindDomains(p *probe) {
	other := p.tenantNamed("other")
	c := connections.add(p, p.tenant, connections.fresh(p))
	first := p.served(p.tenant, store.DomainVerified, c.ID)
	second := p.served(other, store.DomainVerified, c.ID)
	pending := p.served(p.tenant, store.DomainPending, c.ID)
	found := func(d store.Domain) store.FoundDomain { return store.FoundDomain{Domain: d} }
	p.findsDomains(p.st, store.DomainQuery{}, nil, "look for no name")
	p.findsDomains(p.st, store.DomainQuery{Names: []string{random() + ".example", pending.Name, "x." + first.Name, "\x00", "\xff"}}, nil, "look for names that nobody has proven")
	p.findsDomains(p.st, store.DomainQuery{Names: []string{first.Name}}, []store.FoundDomain{found(first)}, "look for a name")
	for _, names := range [][]string{{first.Name, second.Name}, {second.Name, pending.Name, first.Name}} {
		want := []store.FoundDomain{found(first), found(second)}
		if names[0] == second.Name {
			want[0], want[1] = want[1], want[0]
		}
		p.findsDomains(p.st, store.DomainQuery{Names: names}, want, "look for names of two tenants")
	}

	many, want := []string{}, []store.FoundDomain{}
	for range 20 {
		many = append(many, random()+".example", p.served(p.tenant, store.DomainVerified, c.ID).Name)
	}
	for _, d := range domains.all(p, p.tenant) {
		if d.State == store.DomainVerified && d.ID != first.ID {
			want = append(want, found(d))
		}
	}
	p.findsDomains(p.st, store.DomainQuery{Names: many}, want, "look for many names")

	pending.State = store.DomainVerified
	pending = domains.change(p, p.tenant, pending)
	p.findsDomains(p.st, store.DomainQuery{Names: []string{pending.Name}}, []store.FoundDomain{found(pending)}, "prove a name, then look for it")
	first.State = store.DomainPending
	first = domains.change(p, p.tenant, first)
	p.findsDomains(p.st, store.DomainQuery{Names: []string{first.Name}}, nil, "withdraw a proof, then look for the name")
	p.ok(p.st.DeleteDomain(p.ctx, other, second.ID, 0), "delete a domain")
	p.findsDomains(p.st, store.DomainQuery{Names: []string{second.Name}}, nil, "delete a domain, then look for it")
}

func checkFindServing(p *probe) {
	other := p.tenantNamed("other")
	var own []store.Connection
	for _, state := range []store.ConnectionState{store.ConnectionSuspended, store.ConnectionActive, store.ConnectionDraft} {
		c := connections.fresh(p)
		c.State = state
		own = append(own, connections.add(p, p.tenant, c))
	}
	// A connection of the same ID is another tenant's, and one that nobody has.
	twin := connections.fresh(p)
	twin.ID = own[0].ID
	twin = connections.add(p, other, twin)
	foreign := connections.add(p, other, connections.fresh(p))
	d := p.served(p.tenant, store.DomainVerified, own[2].ID, foreign.ID, own[0].ID, p.newID(), own[1].ID)
	alone := p.served(other, store.DomainVerified, twin.ID)
	nobody := p.served(other, store.DomainVerified, own[1].ID)
	q := store.DomainQuery{Names: []string{alone.Name, d.Name, nobody.Name}, Connections: true}
	p.findsDomains(p.st, q, []store.FoundDomain{
		{Domain: alone, Serving: []store.Connection{twin}},
		{Domain: d, Serving: []store.Connection{own[2], own[0], own[1]}},
		{Domain: nobody},
	}, "look for domains and their connections")

	own[0].State = store.ConnectionActive
	own[0] = connections.change(p, p.tenant, own[0])
	p.ok(p.st.DeleteConnection(p.ctx, p.tenant, own[2].ID, 0), "delete a connection")
	q.Names = []string{d.Name}
	p.findsDomains(p.st, q, []store.FoundDomain{{Domain: d, Serving: []store.Connection{own[0], own[1]}}}, "change a connection and delete another, then look for the domain")
}

// lookupTexts are texts that a database may have trouble with.
var lookupTexts = []string{trickyText, "\u2028 <>&", "nul \x00 inside", "\xff not UTF-8", `\u0000`, ""}

func checkDomainTexts(p *probe) {
	for _, text := range lookupTexts {
		c := connections.fresh(p)
		c.Name = text
		c = connections.add(p, p.tenant, c)
		d := domains.fresh(p)
		d.ConnectionID, d.OtherConnections, d.Token = c.ID, nil, text
		d = domains.add(p, p.tenant, d)
		q := store.DomainQuery{Names: []string{d.Name}, Connections: true}
		p.findsDomains(p.st, q, []store.FoundDomain{{Domain: d, Serving: []store.Connection{c}}}, fmt.Sprintf("look for a domain with the text %q", text))
	}
}

// directory adds all that a key leads to but the lifecycle, and returns it with the connection.
func (p *probe) directory(tenantID string) (store.FoundDirectory, store.Connection) {
	p.Helper()
	c := connections.fresh(p)
	c.State = store.ConnectionActive
	c = connections.add(p, tenantID, c)
	d := directories.fresh(p)
	d.ConnectionID = c.ID
	k := apiKeys.fresh(p)
	k.DirectoryID = d.ID
	return store.FoundDirectory{
		Key: apiKeys.add(p, tenantID, k), Directory: directories.add(p, tenantID, d), ConnectionState: c.State,
	}, c
}

// findsDirectory wants FindDirectory to return this.
func (p *probe) findsDirectory(st store.Store, hash []byte, want store.FoundDirectory, did string) {
	p.Helper()
	got, err := st.(store.LookupStore).FindDirectory(p.ctx, p.tenant, hash)
	p.ok(err, "%s", did)
	p.same(got, want, "%s", did)
}

func checkFindDirectory(p *probe) {
	none := store.FoundDirectory{}
	p.findsDirectory(p.st, []byte(random()), none, "look for a key where there is nothing")
	p.findsDirectory(p.st, nil, none, "look for an empty hash where there is nothing")
	other := p.tenantNamed("other")
	foreign, _ := p.directory(other)
	p.putLifecycle(other, p.lifecycle(0, store.ServiceSuspended))
	p.findsDirectory(p.st, foreign.Key.Hash, none, "look for the key of another tenant")
	f, c := p.directory(p.tenant)
	p.directory(p.tenant)
	p.findsDirectory(p.st, f.Key.Hash, f, "look for a key")
	p.findsDirectory(p.st, f.Key.Hash[1:], none, "look for a hash that no key has")
	p.findsDirectory(p.st, nil, none, "look for an empty hash")
	for i, state := range []store.ServiceState{store.ServiceSuspended, store.ServiceOn, store.ServiceRemoving} {
		p.putLifecycle(p.tenant, p.lifecycle(int64(i), state))
		f.ServiceState = state
		p.findsDirectory(p.st, f.Key.Hash, f, "change the lifecycle, then look for a key")
	}
	at := p.tick()
	p.ok(p.st.MarkAPIKeyUsed(p.ctx, p.tenant, f.Key.ID, at), "mark a key used")
	p.ok(p.st.MarkDirectoryUsed(p.ctx, p.tenant, f.Directory.ID, at), "mark a directory used")
	f.Key.LastUsedAt, f.Directory.LastRequestAt = at, at
	p.findsDirectory(p.st, f.Key.Hash, f, "mark key and directory used, then look for the key")
	c.State = store.ConnectionSuspended
	c = connections.change(p, p.tenant, c)
	f.ConnectionState = c.State
	f.Directory.Enabled = false
	f.Directory = directories.change(p, p.tenant, f.Directory)
	f.Key.RevokedAt = p.tick()
	f.Key = apiKeys.change(p, p.tenant, f.Key)
	p.findsDirectory(p.st, f.Key.Hash, f, "suspend the connection, switch the directory off and revoke the key, then look for it")

	p.ok(p.st.DeleteConnection(p.ctx, p.tenant, c.ID, 0), "delete a connection")
	f.ConnectionState = ""
	p.findsDirectory(p.st, f.Key.Hash, f, "delete the connection, then look for the key")
	p.ok(p.st.DeleteDirectory(p.ctx, p.tenant, f.Directory.ID, 0), "delete a directory")
	f.Directory = store.Directory{}
	p.findsDirectory(p.st, f.Key.Hash, f, "delete the directory, then look for the key")
	f.Key.DirectoryID = foreign.Directory.ID
	f.Key = apiKeys.change(p, p.tenant, f.Key)
	p.findsDirectory(p.st, f.Key.Hash, f, "look for a key that names the directory of another tenant")
}

func checkDirectoryTexts(p *probe) {
	for _, text := range lookupTexts {
		f, c := p.directory(p.tenant)
		f.Key.Hint, c.Name = text, text
		f.Key = apiKeys.change(p, p.tenant, f.Key)
		connections.change(p, p.tenant, c)
		p.findsDirectory(p.st, f.Key.Hash, f, fmt.Sprintf("look for a key with the text %q", text))
	}
}

func checkLookupInTx(p *probe) {
	f, c := p.directory(p.tenant)
	d := p.served(p.tenant, store.DomainVerified, c.ID)
	q := store.DomainQuery{Names: []string{d.Name}, Connections: true}
	p.rollBack(func(tx store.Store) error {
		suspended := c
		suspended.State = store.ConnectionSuspended
		suspended, err := tx.UpdateConnection(p.ctx, p.tenant, suspended)
		if err != nil {
			return err
		}
		changed := f
		changed.ConnectionState = suspended.State
		p.findsDirectory(tx, f.Key.Hash, changed, "suspend a connection in a transaction, then look for the key there")
		p.findsDomains(tx, q, []store.FoundDomain{{Domain: d, Serving: []store.Connection{suspended}}}, "suspend a connection in a transaction, then look for the domain there")
		return tx.DeleteDomain(p.ctx, p.tenant, d.ID, 0)
	}, "write and look up")
	p.findsDirectory(p.st, f.Key.Hash, f, "roll back, then look for the key")
	p.findsDomains(p.st, q, []store.FoundDomain{{Domain: d, Serving: []store.Connection{c}}}, "roll back, then look for the domain")
}

// foundDirectory is what there is of a directory, without records that there are not.
func foundDirectory(f store.FoundDirectory, err error) (any, error) {
	out := struct {
		Keys        []store.APIKey
		Directories []store.Directory
		States      []string
	}{}
	if f.Key.ID != "" {
		out.Keys = append(out.Keys, f.Key)
	}
	if f.Directory.ID != "" {
		out.Directories = append(out.Directories, f.Directory)
	}
	if state := string(f.ConnectionState) + string(f.ServiceState); state != "" {
		out.States = append(out.States, state)
	}
	return out, err
}
