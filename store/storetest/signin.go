package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

func signsIn(st store.Store) bool {
	s, ok := st.(store.SignInStore)
	return ok && s.SignInStoreOf() == st
}

func signInChecks() []check {
	return []check{
		{name: "attempt", rule: "UseAttempt puts the token once, Ephemeral or not, and returns the connection as it is then, or the zero one", needs: signsIn, run: checkUseAttempt},
		{name: "attempt at once", rule: "of several concurrent UseAttempts of one token exactly one succeeds, all others answer ErrConflict", needs: signsIn, run: checkUseAttemptAtOnce},
		{name: "records", rule: "FindSignIn returns the connection, the subject's link, its account and that one's user as the methods of each return them; what there is not is zero", needs: signsIn, run: checkFindSignIn},
		{name: "users", rule: "FindSignIn returns the users that have the address as UserName or among their addresses, folded, and says which", needs: signsIn, run: checkSignInUsers},
		{name: "texts", rule: "FindSignIn answers for records and keys of whatever text as the methods of each do", needs: signsIn, run: checkSignInTexts},
		{name: "then", rule: "InTxThen commits what fn and last do together, each event once; last sees what fn wrote, and fn what it wrote itself", needs: signsIn, run: checkThenCommit},
		{name: "then undone", rule: "an error of fn or of last undoes what both did, and so does a panic; last does not run after an error of fn", needs: signsIn, run: checkThenUndone},
		{name: "then others", rule: "nobody else sees what an InTxThen has not committed", needs: signsIn, run: checkThenOthers},
		{name: "then refused", rule: "after a refused call, last may make another", needs: signsIn, run: checkThenRefused},
		{name: "then nested", rule: "InTxThen of a tx is a part of it, and an error of it leaves the outer transaction usable", needs: signsIn, run: checkThenNested},
	}
}

func (p *probe) attempt(key string, ephemeral bool) store.Token {
	return store.Token{Kind: "attempt", Key: key, Data: []byte("data"), ExpiresAt: p.tick().Add(time.Minute), Ephemeral: ephemeral}
}

func checkUseAttempt(p *probe) {
	st := p.st.(store.SignInStore)
	c := connections.add(p, p.tenant, connections.fresh(p))
	connections.add(p, p.tenantNamed("other"), connections.fresh(p))
	for i, ephemeral := range []bool{false, true} {
		t := p.attempt(fmt.Sprint(i), ephemeral)
		got, err := st.UseAttempt(p.ctx, p.tenant, t, c.ID)
		p.ok(err, "use an attempt")
		p.same(got, c, "use an attempt, and look at the connection")
		_, err = st.UseAttempt(p.ctx, p.tenant, t, c.ID)
		p.is(err, store.ErrConflict, "use an attempt again")
		p.is(p.st.PutToken(p.ctx, p.tenant, t), store.ErrConflict, "put the token of an attempt that was used")
		c.UpdatedAt = p.tick()
		c = connections.change(p, p.tenant, c)
		p.take(t, "take the token of an attempt that was used")
		got, err = st.UseAttempt(p.ctx, p.tenant, t, c.ID)
		p.ok(err, "use an attempt whose token was taken")
		p.same(got, c, "update a connection, then use an attempt")
		t.Key += " of nobody"
		got, err = st.UseAttempt(p.ctx, p.tenant, t, p.newID())
		p.ok(err, "use an attempt at a connection that there is not")
		p.same(got, store.Connection{}, "use an attempt at a connection that there is not")
		p.take(t, "use an attempt at a connection that there is not, then take the token")

		t.Key += " in a transaction"
		p.rollBack(func(tx store.Store) error {
			_, err := tx.(store.SignInStore).UseAttempt(p.ctx, p.tenant, t, c.ID)
			return err
		}, "use an attempt")
		p.gone(t.Kind, t.Key, "roll back the use of an attempt, then take its token")
	}
}

func checkUseAttemptAtOnce(p *probe) {
	st := p.st.(store.SignInStore)
	c := connections.add(p, p.tenant, connections.fresh(p))
	for round := range 6 {
		t := p.attempt(fmt.Sprint(round), round%2 == 0)
		p.one(p.atOnce(6, func(int) error {
			got, err := st.UseAttempt(p.ctx, p.tenant, t, c.ID)
			if err == nil && got.ID != c.ID {
				err = errors.New("the connection is missing")
			}
			return err
		}), store.ErrConflict, "use one attempt from 6 goroutines")
	}
}

// signIn adds everything that a sign-in can find, and returns it with the question for it.
func (p *probe) signIn(tenantID, email string) (store.SignIn, store.SignInQuery) {
	p.Helper()
	var s store.SignIn
	s.Connection = connections.add(p, tenantID, connections.fresh(p))
	u := users.add(p, tenantID, users.fresh(p))
	s.User = store.SignInUser{ID: u.ID, Active: u.Active}
	a := accounts.fresh(p)
	a.SCIMUserID = u.ID
	s.Account = accounts.add(p, tenantID, a)
	i := identities.fresh(p)
	i.ConnectionID, i.AccountID = s.Connection.ID, s.Account.ID
	s.Identity = identities.add(p, tenantID, i)
	return s, store.SignInQuery{ConnectionID: i.ConnectionID, Issuer: i.Issuer, Subject: i.Subject, Email: email}
}

// finds wants FindSignIn to return this.
func (p *probe) finds(st store.Store, q store.SignInQuery, want store.SignIn, did string) {
	p.Helper()
	got, err := st.(store.SignInStore).FindSignIn(p.ctx, p.tenant, q)
	p.ok(err, "%s", did)
	byID := func(a, b store.SignInUser) int {
		return strings.Compare(a.ID+fmt.Sprint(a.Named), b.ID+fmt.Sprint(b.Named))
	}
	slices.SortFunc(got.ByEmail, byID)
	slices.SortFunc(want.ByEmail, byID)
	if len(got.ByEmail) == 0 {
		got.ByEmail = nil
	}
	p.same(got, want, "%s", did)
}

func checkFindSignIn(p *probe) {
	p.finds(p.st, store.SignInQuery{ConnectionID: "c", Issuer: "i", Subject: "s", Email: "e@acme.example"}, store.SignIn{}, "look for a sign-in where there is nothing")
	_, foreign := p.signIn(p.tenantNamed("other"), "")
	p.finds(p.st, foreign, store.SignIn{}, "look for a sign-in of another tenant")
	s, q := p.signIn(p.tenant, "")
	p.signIn(p.tenant, "")
	p.finds(p.st, q, s, "look for a sign-in")
	u, err := p.st.SCIMUser(p.ctx, p.tenant, s.User.ID)
	p.ok(err, "read a user")
	for range 2 {
		u.Active = !u.Active
		u = users.change(p, p.tenant, u)
		s.User.Active = u.Active
		p.finds(p.st, q, s, "switch a user off or on, then look for the sign-in")
	}
	p.ok(p.st.DeleteSCIMUser(p.ctx, p.tenant, u.ID, 0), "delete a user")
	s.User = store.SignInUser{}
	p.finds(p.st, q, s, "delete the user, then look for the sign-in")
	s.Account.SCIMUserID = ""
	s.Account = accounts.change(p, p.tenant, s.Account)
	p.finds(p.st, q, s, "an account that names no user")
	p.ok(p.st.DeleteAccount(p.ctx, p.tenant, s.Account.ID, 0), "delete an account")
	whole := s
	s.Account = store.Account{}
	p.finds(p.st, q, s, "delete the account, then look for the sign-in")
	other := q
	other.Subject += " "
	p.finds(p.st, other, store.SignIn{Connection: s.Connection}, "look for the sign-in of another subject")
	p.ok(p.st.InTx(p.ctx, func(tx store.Store) error {
		s.Identity.LastSignInAt = p.tick()
		changed, err := tx.UpdateIdentity(p.ctx, p.tenant, s.Identity)
		if err == nil {
			_, err = tx.CreateAccount(p.ctx, p.tenant, whole.Account)
		}
		if err != nil {
			return err
		}
		s.Identity, s.Account = changed, whole.Account
		s.Account.Version = 1
		p.finds(tx, q, s, "write in a transaction, then look for the sign-in there")
		return nil
	}), "look for a sign-in in a transaction")
	p.ok(p.st.DeleteIdentity(p.ctx, p.tenant, s.Identity.ID), "unlink")
	p.finds(p.st, q, store.SignIn{Connection: s.Connection}, "unlink the subject, then look for the sign-in")
	p.ok(p.st.DeleteConnection(p.ctx, p.tenant, s.Connection.ID, 0), "delete a connection")
	p.finds(p.st, q, store.SignIn{}, "delete the connection, then look for the sign-in")
}

func checkSignInUsers(p *probe) {
	const email = "Ädä@acme.example"
	var want store.SignIn
	add := func(tenantID, userName string, active bool, addresses ...string) store.SCIMUser {
		u := users.fresh(p)
		u.UserName, u.Active, u.Keys = userName, active, nil
		for _, a := range addresses {
			u.Keys = append(u.Keys, store.Key{Attr: store.AttrEmail, Value: store.Fold(a)})
		}
		return users.add(p, tenantID, u)
	}
	add(p.tenantNamed("other"), email, false, email)
	q := store.SignInQuery{ConnectionID: "c", Issuer: "i", Subject: "s", Email: email}
	p.finds(p.st, q, want, "look for an address that a user of another tenant has")
	add(p.tenant, email+".example", false, "x"+email)
	p.finds(p.st, q, want, "look for an address beside longer ones")
	for i, active := range []bool{true, false, true} {
		u := add(p.tenant, fmt.Sprint("user ", i), active, "else@acme.example", strings.ToUpper(email))
		want.ByEmail = append(want.ByEmail, store.SignInUser{ID: u.ID, Active: active})
		p.finds(p.st, q, want, "look for an address that several users have")
	}
	u := add(p.tenant, strings.ToUpper(email), false, email)
	want.ByEmail = append(want.ByEmail, store.SignInUser{ID: u.ID, Named: true}, store.SignInUser{ID: u.ID})
	p.finds(p.st, q, want, "look for an address that is a userName as well")
	q.Email = ""
	p.finds(p.st, q, store.SignIn{}, "look for no address")
	q.Email = strings.Repeat("é", 2000) + "@acme.example"
	long := add(p.tenant, q.Email, true, q.Email)
	p.finds(p.st, q, store.SignIn{ByEmail: []store.SignInUser{{ID: long.ID, Active: true, Named: true}, {ID: long.ID, Active: true}}}, "look for a long address")
}

func checkSignInTexts(p *probe) {
	for _, text := range []string{trickyText, "\u2028 <>&", "nul \x00 inside", "\xff not UTF-8", `\u0000`, ""} {
		s, q := p.signIn(p.tenant, text)
		s.Account.Email, s.Identity.Email = text, text
		_, err := p.st.UpdateAccount(p.ctx, p.tenant, s.Account)
		p.ok(err, "update an account with the e-mail address %q", text)
		_, err = p.st.UpdateIdentity(p.ctx, p.tenant, s.Identity)
		p.ok(err, "update an identity with the e-mail address %q", text)
		s.Account = accounts.read(p, p.tenant, s.Account)
		s.Identity = identities.read(p, p.tenant, s.Identity)
		p.finds(p.st, q, s, fmt.Sprintf("look for a sign-in whose records have the text %q", text))
	}
	c := connections.add(p, p.tenant, connections.fresh(p))
	for _, q := range []store.SignInQuery{
		{ConnectionID: c.ID, Issuer: "\x00", Subject: "\xff", Email: "nul\x00@acme.example"},
		{ConnectionID: c.ID, Issuer: "i", Subject: "s", Email: "\xff@acme.example"},
	} {
		p.finds(p.st, q, store.SignIn{Connection: c}, fmt.Sprintf("look for the sign-in %q", q))
	}
	p.finds(p.st, store.SignInQuery{ConnectionID: "\x00", Issuer: "i", Subject: "s"}, store.SignIn{}, "look for a sign-in at a connection that can't be")
}

// then runs InTxThen.
func (p *probe) then(fn, last func(tx store.Store) error) error {
	return p.st.(store.SignInStore).InTxThen(p.ctx, func(tx store.Store) (func(store.Store) error, error) { return last, fn(tx) })
}

func nothing(store.Store) error { return nil }

func (p *probe) appends(tx store.Store, types ...string) error {
	for _, typ := range types {
		if err := tx.AppendEvents(p.ctx, p.tenant, p.event(typ)); err != nil {
			return err
		}
	}
	return nil
}

func checkThenCommit(p *probe) {
	appends := func(types ...string) func(store.Store) error {
		return func(tx store.Store) error { return p.appends(tx, types...) }
	}
	p.ok(p.then(nothing, nil), "do nothing")
	p.ok(p.then(nothing, appends("1")), "write in last alone")
	p.ok(p.then(appends("2", "3"), nil), "write in fn alone")
	p.ok(p.then(appends("4", "5"), appends("6")), "write in both")
	p.same(typesOf(p.events(p.tenant)), []string{"1", "2", "3", "4", "5", "6"}, "write in fn, in last and in both, then read the journal")
	u := users.fresh(p)
	p.ok(p.then(func(tx store.Store) error {
		if _, err := tx.SCIMUser(p.ctx, p.tenant, u.ID); !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("before the first write a user that there is not answers %w", err)
		}
		if _, err := tx.CreateSCIMUser(p.ctx, p.tenant, u); err != nil {
			return err
		}
		_, err := tx.SCIMUser(p.ctx, p.tenant, u.ID)
		return err
	}, func(tx store.Store) error {
		return tx.DeleteSCIMUser(p.ctx, p.tenant, u.ID, 1)
	}), "create a user in fn, read it there, and delete it in last")
	p.same(len(users.all(p, p.tenant)), 0, "delete in last what fn created, then count the users")
}

func checkThenUndone(p *probe) {
	write := func(tx store.Store) error { return p.writeMany(tx, p.tenant) }
	fails := func(tx store.Store) error {
		if err := p.appends(tx, "of last"); err != nil {
			return err
		}
		return errRollBack
	}
	p.is(p.then(write, fails), errRollBack, "write in fn, and fail in last after its write")
	p.written(p.tenant, false, "fail in last")
	p.is(p.then(write, func(store.Store) error { return errRollBack }), errRollBack, "write in fn, and fail in last")
	p.written(p.tenant, false, "fail in last without a write")
	ran := false
	p.is(p.then(func(tx store.Store) error { return errors.Join(write(tx), errRollBack) }, func(store.Store) error { ran = true; return nil }), errRollBack, "fail in fn")
	p.written(p.tenant, false, "fail in fn")
	p.that(!ran, "last not to run", "that it ran", "fail in fn")
	recovering(func() { _ = p.then(write, func(store.Store) error { panic(errRollBack) }) })
	p.written(p.tenant, false, "panic in last")
	recovering(func() { _ = p.then(func(tx store.Store) error { panic(errors.Join(write(tx), errRollBack)) }, nil) })
	p.written(p.tenant, false, "panic in fn")

	ctx, cancel := context.WithCancel(p.ctx)
	err := p.st.(store.SignInStore).InTxThen(ctx, func(store.Store) (func(store.Store) error, error) {
		cancel()
		return func(tx store.Store) error { return tx.AppendEvents(ctx, p.tenant, p.event("given up")) }, nil
	})
	p.is(err, context.Canceled, "cancel the context before last")
	p.same(len(p.events(p.tenant)), 0, "fail in all sorts of ways, then count the events")
	p.ok(p.then(write, nil), "write after all that")
	p.written(p.tenant, true, "write after all that")
}

func checkThenOthers(p *probe) {
	started := make(chan struct{})
	read := make(chan error, 1)
	go func() {
		<-started
		events, err := p.st.Events(p.ctx, p.tenant, store.EventQuery{})
		if len(events) != 0 {
			err = errors.Join(err, fmt.Errorf("%d events, which were never committed", len(events)))
		}
		read <- err
	}()
	var got error
	signalled, waited := false, false
	p.is(p.then(func(tx store.Store) error {
		err := p.appends(tx, "of fn")
		if !signalled {
			close(started)
			signalled = true
		}
		// The reader may have to wait until the transaction has ended.
		select {
		case got = <-read:
			waited = true
		case <-time.After(50 * time.Millisecond):
		}
		return err
	}, func(store.Store) error { return errRollBack }), errRollBack, "write in fn, and fail in last")
	if !waited {
		got = <-read
	}
	p.ok(got, "read the journal while an InTxThen that later fails has written to it")
}

func checkThenRefused(p *probe) {
	i := identities.add(p, p.tenant, identities.fresh(p))
	changed := identities.change(p, p.tenant, i)
	for _, fn := range []func(store.Store) error{nothing, func(tx store.Store) error { return p.appends(tx, "of fn") }} {
		p.ok(p.then(fn, func(tx store.Store) error {
			_, err := tx.UpdateIdentity(p.ctx, p.tenant, i, p.event("of the update"))
			if !errors.Is(err, store.ErrStale) {
				return fmt.Errorf("a stale update answers %w", err)
			}
			return p.appends(tx, "instead")
		}), "append an event in last where an update was refused")
	}
	p.same(identities.read(p, p.tenant, changed), changed, "a refused update in last, then read the record")
	p.same(typesOf(p.events(p.tenant)), []string{"instead", "of fn", "instead"}, "append an event in last where an update was refused, then read the journal")
}

func checkThenNested(p *probe) {
	nested := func(tx store.Store, last func(store.Store) error) error {
		return tx.(store.SignInStore).InTxThen(p.ctx, func(in store.Store) (func(store.Store) error, error) { return last, p.appends(in, "inner") })
	}
	fails := func(store.Store) error { return errRollBack }
	for _, run := range []func(func(store.Store) error) error{
		func(fn func(store.Store) error) error { return p.st.InTx(p.ctx, fn) },
		func(fn func(store.Store) error) error { return p.then(fn, nil) },
	} {
		p.ok(run(func(tx store.Store) error {
			p.is(nested(tx, fails), errRollBack, "fail in last of a nested InTxThen")
			p.is(tx.InTx(p.ctx, fails), errRollBack, "fail in a nested InTx")
			if err := nested(tx, func(tx store.Store) error { return p.appends(tx, "last") }); err != nil {
				return err
			}
			return p.appends(tx, "outer")
		}), "nest an InTxThen")
	}
	p.is(p.st.InTx(p.ctx, func(tx store.Store) error { return errors.Join(nested(tx, nothing), errRollBack) }), errRollBack, "fail after a nested InTxThen")
	p.same(typesOf(p.events(p.tenant)), []string{"inner", "last", "outer", "inner", "last", "outer"}, "nest InTxThen, then read the journal")
}

// foundSignIn is what there is of a sign-in, without records that there are not.
func foundSignIn(s store.SignIn, err error) (any, error) {
	found := struct {
		Connections []store.Connection
		Identities  []store.Identity
		Accounts    []store.Account
		Users       []store.SignInUser
	}{Users: s.ByEmail}
	if s.Connection.ID != "" {
		found.Connections = append(found.Connections, s.Connection)
	}
	if s.Identity.ID != "" {
		found.Identities = append(found.Identities, s.Identity)
	}
	if s.Account.ID != "" {
		found.Accounts = append(found.Accounts, s.Account)
	}
	if s.User.ID != "" {
		found.Users = append(found.Users, s.User)
	}
	return found, err
}
