package storetest

import (
	"bytes"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

func tokenChecks() []check {
	return []check{
		{name: "once", rule: "a token is taken once: the first take returns its data, every other answers ErrNotFound", run: checkTokenOnce},
		{name: "once at once", rule: "of several concurrent takes of one token exactly one succeeds, all others answer ErrNotFound", run: checkTokenAtOnce},
		{name: "expiry", rule: "a take at or after ExpiresAt answers ErrNotFound, one before it succeeds", run: checkTokenExpiry},
		{name: "put once", rule: "a put of a kind and key that exist, expired or not, answers ErrConflict and changes nothing", run: checkTokenPutOnce},
		{name: "put at once", rule: "of several concurrent puts of one key exactly one succeeds, all others answer ErrConflict", run: checkTokenPutAtOnce},
		{name: "key", rule: "a token is known by kind and key, each compared byte by byte", run: checkTokenKey},
		{name: "data", rule: "a token's data comes back byte for byte and is a copy", run: checkTokenData},
		{name: "read", rule: "a read returns the data as a take would, to any number of readers, and leaves the token; nothing, or what has expired, is ErrNotFound", run: checkTokenRead},
		{name: "delete expired", rule: "DeleteExpiredTokens removes the tokens that expired at or before now, no others, and returns how many there were", run: checkTokensExpired},
		{name: "ephemeral", rule: "an Ephemeral token is there once PutToken has returned, and put, refused, taken and rolled back like any other", run: checkTokenEphemeral},
		{name: "ephemeral at once", rule: "of several concurrent puts of one Ephemeral key exactly one succeeds, all others answer ErrConflict", run: checkTokenEphemeralAtOnce},
		{name: "tx", rule: "a take that is rolled back leaves the token; a put that is rolled back leaves none", run: checkTokenRollback},
	}
}

// token puts a token that lives for a minute.
func (p *probe) token(kind, key string) store.Token {
	p.Helper()
	t := store.Token{Kind: kind, Key: key, Data: []byte("data of " + kind + " " + key), ExpiresAt: p.tick().Add(time.Minute)}
	p.ok(p.st.PutToken(p.ctx, p.tenant, t), "put the token %q %q", kind, key)
	return t
}

// take wants to take the token.
func (p *probe) take(t store.Token, did string) {
	p.Helper()
	data, err := p.st.TakeToken(p.ctx, p.tenant, t.Kind, t.Key, p.tick())
	p.ok(err, "%s", did)
	p.same(data, t.Data, "%s", did)
}

// gone wants that there is no such token.
func (p *probe) gone(kind, key, did string) {
	p.Helper()
	_, err := p.st.TakeToken(p.ctx, p.tenant, kind, key, p.tick())
	p.is(err, store.ErrNotFound, "%s", did)
}

func checkTokenOnce(p *probe) {
	p.gone("k", "x", "take a token that nobody put")
	t := p.token("k", "x")
	p.take(t, "take a token")
	p.gone("k", "x", "take a token again")
	p.take(p.token("k", "x"), "put and take a token of a key that was taken")
	p.gone("k", "x", "take it again")
}

func checkTokenAtOnce(p *probe) {
	for round := range 8 {
		t := p.token("k", fmt.Sprint(round))
		now := p.tick()
		p.one(p.atOnce(8, func(int) error {
			_, err := p.st.TakeToken(p.ctx, p.tenant, t.Kind, t.Key, now)
			return err
		}), store.ErrNotFound, "take one token from 8 goroutines")
	}
}

func checkTokenExpiry(p *probe) {
	end := p.tick()
	for i, tt := range []struct {
		at    time.Duration
		lives bool
	}{{-time.Microsecond, true}, {-time.Hour, true}, {0, false}, {time.Microsecond, false}, {time.Hour, false}} {
		key := fmt.Sprint(i)
		p.ok(p.st.PutToken(p.ctx, p.tenant, store.Token{Kind: "k", Key: key, ExpiresAt: end}), "put a token")
		_, err := p.st.TakeToken(p.ctx, p.tenant, "k", key, end.Add(tt.at).In(time.FixedZone("EST", -5*60*60)))
		if tt.lives {
			p.ok(err, "take a token %s from its end", tt.at)
		} else {
			p.is(err, store.ErrNotFound, "take a token %s from its end", tt.at)
		}
	}
}

func checkTokenPutOnce(p *probe) {
	t := p.token("k", "x")
	for _, end := range []time.Time{t.ExpiresAt, t.ExpiresAt.Add(time.Hour)} {
		p.is(p.st.PutToken(p.ctx, p.tenant, store.Token{Kind: "k", Key: "x", Data: []byte("other"), ExpiresAt: end}), store.ErrConflict, "put a token of a key that exists")
	}
	p.take(t, "take a token after other puts of its key were refused")

	past := store.Token{Kind: "k", Key: "y", ExpiresAt: p.tick().Add(-time.Hour)}
	p.ok(p.st.PutToken(p.ctx, p.tenant, past), "put a token that has expired")
	past.ExpiresAt = p.tick().Add(time.Hour)
	p.is(p.st.PutToken(p.ctx, p.tenant, past), store.ErrConflict, "put a token of a key that exists but has expired")
	p.gone("k", "y", "take an expired token after another put of its key was refused")
	p.is(p.st.PutToken(p.ctx, p.tenant, past), store.ErrConflict, "put a token of a key whose take was refused because it has expired")
}

func checkTokenPutAtOnce(p *probe) {
	for round := range 6 {
		tokens := make([]store.Token, 6)
		for i := range tokens {
			tokens[i] = store.Token{Kind: "k", Key: fmt.Sprint(round), Data: []byte(fmt.Sprint("of ", i)), ExpiresAt: p.tick().Add(time.Minute)}
		}
		winner := p.one(p.atOnce(len(tokens), func(i int) error { return p.st.PutToken(p.ctx, p.tenant, tokens[i]) }), store.ErrConflict, "put one key from 6 goroutines")
		p.take(tokens[winner], "take the token that won")
	}
}

func checkTokenKey(p *probe) {
	t := p.token("kind", "Key")
	for _, other := range [][2]string{{"Kind", "Key"}, {"kind", "key"}, {"kind", "Key "}, {"kin", "dKey"}, {"kind", "K_y"}, {"kind", "%"}, {"", "Key"}, {"kind", ""}} {
		p.gone(other[0], other[1], fmt.Sprintf("take the token %q when there is %q %q", other, t.Kind, t.Key))
		p.take(p.token(other[0], other[1]), fmt.Sprintf("put and take the token %q beside %q %q", other, t.Kind, t.Key))
	}
	p.take(t, "take a token after many of similar keys")
}

func checkTokenData(p *probe) {
	for i, data := range [][]byte{nil, []byte("\x00\xff\xfe"), []byte(trickyText), bytes.Repeat([]byte{0, 1, 2, 255}, 16<<10)} {
		t := store.Token{Kind: "k", Key: fmt.Sprint(i), Data: bytes.Clone(data), ExpiresAt: p.tick().Add(time.Minute)}
		p.ok(p.st.PutToken(p.ctx, p.tenant, t), "put a token")
		for i := range t.Data {
			t.Data[i] = '#'
		}
		t.Data = data
		p.take(t, "put a token, change the data that was passed, then take it")
	}
}

func checkTokenRead(p *probe) {
	read := func(kind, key string, now time.Time) ([]byte, error) {
		return p.st.ReadToken(p.ctx, p.tenant, kind, key, now)
	}
	_, err := read("k", "x", p.tick())
	p.is(err, store.ErrNotFound, "read a token that nobody put")
	t := p.token("k", "x")
	for range 2 {
		data, err := read(t.Kind, t.Key, p.tick())
		p.ok(err, "read a token")
		p.same(data, t.Data, "read a token")
		for i := range data {
			data[i] = '#'
		}
	}
	for i, err := range p.atOnce(8, func(int) error {
		_, err := read(t.Kind, t.Key, t.ExpiresAt.Add(-time.Microsecond))
		return err
	}) {
		p.ok(err, "read one token from 8 goroutines, number %d", i+1)
	}
	for _, at := range []time.Duration{0, time.Microsecond, time.Hour} {
		_, err = read(t.Kind, t.Key, t.ExpiresAt.Add(at))
		p.is(err, store.ErrNotFound, "read a token %s after its end", at)
	}
	for _, other := range [][2]string{{"K", "x"}, {"k", "X"}, {"k", "_"}, {"", "x"}, {"k", ""}} {
		_, err = read(other[0], other[1], p.tick())
		p.is(err, store.ErrNotFound, "read the token %q when there is %q %q", other, t.Kind, t.Key)
	}
	p.take(t, "take a token that was read, and whose data as read was changed")
	_, err = read(t.Kind, t.Key, p.tick())
	p.is(err, store.ErrNotFound, "read a token that was taken")
	p.rollBack(func(tx store.Store) error {
		if err := tx.PutToken(p.ctx, p.tenant, t); err != nil {
			return err
		}
		data, err := tx.ReadToken(p.ctx, p.tenant, t.Kind, t.Key, p.tick())
		p.ok(err, "read a token that the same transaction put")
		p.same(data, t.Data, "read a token that the same transaction put")
		return nil
	}, "put a token and read it")
	_, err = read(t.Kind, t.Key, p.tick())
	p.is(err, store.ErrNotFound, "roll back the put of a token, then read it")
}

func checkTokensExpired(p *probe) {
	now := p.tick()
	for i, end := range []time.Duration{-time.Hour, -time.Microsecond, 0, time.Microsecond, time.Hour} {
		p.ok(p.st.PutToken(p.ctx, p.tenant, store.Token{Kind: []string{"a", "b"}[i%2], Key: fmt.Sprint(i), ExpiresAt: now.Add(end)}), "put a token")
		p.ok(p.st.PutToken(p.ctx, p.tenantNamed("other"), store.Token{Kind: "a", Key: fmt.Sprint(i), ExpiresAt: now.Add(end)}), "put a token")
	}
	for _, want := range []int{3, 0} {
		n, err := p.st.DeleteExpiredTokens(p.ctx, p.tenant, now)
		p.ok(err, "delete expired tokens")
		p.same(n, want, "delete the tokens of one of two tenants that have expired")
	}
	for i, alive := range []bool{false, false, false, true, true} {
		_, err := p.st.TakeToken(p.ctx, p.tenant, []string{"a", "b"}[i%2], fmt.Sprint(i), now.Add(-2*time.Hour))
		if alive {
			p.ok(err, "delete expired tokens, then take number %d of 5, which has not expired", i+1)
		} else {
			p.is(err, store.ErrNotFound, "delete expired tokens, then take number %d of 5, which had expired", i+1)
		}
	}
	n, err := p.st.DeleteExpiredTokens(p.ctx, p.tenantNamed("other"), now)
	p.ok(err, "delete expired tokens")
	p.same(n, 3, "delete the expired tokens of one tenant after those of another")
}

func checkTokenRollback(p *probe) {
	t := p.token("k", "x")
	p.rollBack(func(tx store.Store) error {
		if _, err := tx.TakeToken(p.ctx, p.tenant, "k", "x", p.tick()); err != nil {
			return err
		}
		return tx.PutToken(p.ctx, p.tenant, store.Token{Kind: "k", Key: "y", ExpiresAt: p.tick().Add(time.Minute)})
	}, "take one token and put another")
	p.gone("k", "y", "roll back the put of a token, then take it")
	p.take(t, "roll back the take of a token, then take it")
}

func checkTokenEphemeral(p *probe) {
	t := store.Token{Kind: "k", Key: "x", Data: []byte("data"), ExpiresAt: p.tick().Add(time.Minute), Ephemeral: true}
	lasting := t
	lasting.Ephemeral = false
	p.ok(p.st.PutToken(p.ctx, p.tenant, t), "put an Ephemeral token")
	p.is(p.st.PutToken(p.ctx, p.tenant, t), store.ErrConflict, "put an Ephemeral token again")
	p.is(p.st.PutToken(p.ctx, p.tenant, lasting), store.ErrConflict, "put a token of a key that an Ephemeral one has")
	p.ok(p.st.PutToken(p.ctx, p.tenantNamed("other"), t), "put an Ephemeral token of another tenant with the same key")
	p.take(t, "take an Ephemeral token")
	p.ok(p.st.PutToken(p.ctx, p.tenant, lasting), "put a token of a key that an Ephemeral one had")
	p.is(p.st.PutToken(p.ctx, p.tenant, t), store.ErrConflict, "put an Ephemeral token of a key that exists")
	p.take(lasting, "take a token whose key was put again, as an Ephemeral one")

	p.rollBack(func(tx store.Store) error { return tx.PutToken(p.ctx, p.tenant, t) }, "put an Ephemeral token")
	p.gone("k", "x", "roll back the put of an Ephemeral token, then take it")
	p.ok(p.st.InTx(p.ctx, func(tx store.Store) error { return tx.PutToken(p.ctx, p.tenant, t) }), "put an Ephemeral token in a transaction")
	p.take(t, "take an Ephemeral token that a transaction put")
}

func checkTokenEphemeralAtOnce(p *probe) {
	for round := range 6 {
		t := store.Token{Kind: "k", Key: fmt.Sprint(round), ExpiresAt: p.tick().Add(time.Minute), Ephemeral: true}
		p.one(p.atOnce(6, func(int) error { return p.st.PutToken(p.ctx, p.tenant, t) }), store.ErrConflict, "put one Ephemeral key from 6 goroutines")
	}
}
