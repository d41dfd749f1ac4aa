package provisioning

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// CodeSender sends codes with which people confirm a value, such as by SMS or a call.
type CodeSender interface {
	// SendCode hands a message over for sending; it is given 10 seconds. It is called after the commit, once for each
	// code: when it fails, or the program ends before, the person asks for another
	// one. An error that matches [ErrNumberRefused] says that nothing is sent to this value at all.
	SendCode(ctx context.Context, m CodeMessage) error
}

// CodeSenderFunc is a function as a [CodeSender].
type CodeSenderFunc func(ctx context.Context, m CodeMessage) error

// SendCode calls f.
func (f CodeSenderFunc) SendCode(ctx context.Context, m CodeMessage) error { return f(ctx, m) }

// ErrNumberRefused says that a [CodeSender] does not send to a value: a premium number, a
// country that the host does not serve.
var ErrNumberRefused = errors.New("provisioning: nothing is sent to this number")

// CodeMessage is a code on its way to a person.
type CodeMessage struct {
	// ID is unique to the code, for senders that take a key against doubles.
	ID        string
	TenantID  string
	AccountID string
	// Field is the SCIM attribute, To its value: where the code goes.
	Field string
	To    string
	// Code is digits. It is kept nowhere else.
	Code tenant.Secret
	// ExpiresAt is until when it is good.
	ExpiresAt time.Time
}

// CodeLimits bound how many codes are sent, and how often one can be guessed. Zero fields
// have the defaults, with which somebody who guesses all day finds a code with a probability
// of 1 in 20,000, and a tenant's people cause no more than 500 messages a day.
type CodeLimits struct {
	// Digits are the digits of a code, 6 to 10. Zero means 6.
	Digits int
	// Life is how long a code is good. Zero means 10 minutes; a day at most.
	Life time.Duration
	// Attempts are the guesses at one code. Zero means 5; 20 at most.
	Attempts int
	// ResendAfter is how long an account waits between two codes, whatever they are for, unless the one before was
	// confirmed or could not be sent. Zero means a minute.
	ResendAfter time.Duration
	// Window is the time in which the following are counted, in windows that follow each
	// other. Zero means a day.
	Window time.Duration
	// PerAccount, PerNumber and PerTenant are the codes sent in a window for one account,
	// to one value, and for a tenant. Zero means 10, 10 and 500.
	PerAccount, PerNumber, PerTenant int
}

const (
	maxCodeAttempts = 20
	sendTimeout     = 10 * time.Second
)

func (l CodeLimits) withDefaults() (CodeLimits, error) {
	l.Digits, l.Life = cmp.Or(l.Digits, 6), cmp.Or(l.Life, 10*time.Minute)
	l.Attempts, l.ResendAfter, l.Window = cmp.Or(l.Attempts, 5), cmp.Or(l.ResendAfter, time.Minute), cmp.Or(l.Window, 24*time.Hour)
	l.PerAccount, l.PerNumber, l.PerTenant = cmp.Or(l.PerAccount, 10), cmp.Or(l.PerNumber, 10), cmp.Or(l.PerTenant, 500)
	switch {
	case l.Digits < 6 || l.Digits > 10:
		return l, fmt.Errorf("provisioning: CodeLimits.Digits is %d, expected 6 to 10", l.Digits)
	case l.Life < time.Second || l.Life > 24*time.Hour:
		return l, fmt.Errorf("provisioning: CodeLimits.Life is %s, expected a second to a day", l.Life)
	case l.Attempts < 1 || l.Attempts > maxCodeAttempts:
		return l, fmt.Errorf("provisioning: CodeLimits.Attempts is %d, expected 1 to %d", l.Attempts, maxCodeAttempts)
	case l.ResendAfter < 0 || l.Window < time.Minute || l.PerAccount < 0 || l.PerNumber < 0 || l.PerTenant < 0:
		return l, errors.New("provisioning: CodeLimits must not be negative, and Window at least a minute")
	}
	return l, nil
}

// The kinds of tokens.
const (
	tokenCode    = "field_code"         // a code; the key is its hash
	tokenAttempt = "field_code_attempt" // a guess
	tokenCount   = "field_code_count"   // how many codes were sent in a window
)

// errAgain says that another transaction was faster.
var errAgain = fmt.Errorf("provisioning: another change was faster: %w", store.ErrStale)

// codeKey is the hash under which a code is kept. It binds the code to account, field, value and
// this one sending, whose ID is random, so that it opens nothing else. Whoever reads the store can
// find a code by trying all; what protects against that is its short life.
func codeKey(tenantID, accountID string, field Field, p store.PendingField, code string) string {
	h := sha256.New()
	for _, part := range []string{p.ID, tenantID, accountID, field.Name, p.Value, code} {
		// A hash takes every write.
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// newCode makes a code of so many digits.
func newCode(digits int) (string, error) {
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	n, err := rand.Int(rand.Reader, most)
	if err != nil {
		return "", fmt.Errorf("provisioning: making a code: %w", err)
	}
	return fmt.Sprintf("%0*s", digits, n.String()), nil
}

// plainCode is a code as people type it, without what they put between digits.
func plainCode(s string) string {
	if len(s) > 4*maxFieldText {
		return ""
	}
	return plainPhone(s)
}

// startCode makes a code for a value and writes down that the value waits. The message is
// to be sent after the commit.
func (f *Fields) startCode(ctx context.Context, tx store.Store, tenantID, accountID string, d Field, have store.AccountField, value string) (store.AccountField, CodeMessage, error) {
	now, l := f.cfg.Now(), f.cfg.Limits
	switch wait, err := f.wait(ctx, tx, tenantID, accountID, store.Time(now)); {
	case err != nil:
		return have, CodeMessage{}, err
	case wait > 0:
		r := refuseField(CodeResendTooSoon, d.Name, "A code was sent a moment ago. Wait before you ask for another one.")
		r.RetryAfter = wait
		return have, CodeMessage{}, r
	}
	for _, c := range []struct {
		what, key string
		most      int
	}{{"account", accountID, l.PerAccount}, {"value", d.Name + "\x00" + value, l.PerNumber}, {"tenant", "", l.PerTenant}} {
		if err := f.count(ctx, tx, tenantID, d, c.what, c.key, c.most, now); err != nil {
			return have, CodeMessage{}, err
		}
	}
	code, err := newCode(l.Digits)
	if err != nil {
		return have, CodeMessage{}, err
	}
	p := store.PendingField{ID: rand.Text(), Value: value, SentAt: store.Time(now), ExpiresAt: store.Time(now.Add(l.Life))}
	err = tx.PutToken(ctx, tenantID, store.Token{Kind: tokenCode, Key: codeKey(tenantID, accountID, d, p, code), ExpiresAt: p.ExpiresAt})
	if err != nil {
		return have, CodeMessage{}, err
	}
	have.Pending = &p
	return have, CodeMessage{
		ID: p.ID, TenantID: tenantID, AccountID: accountID, Field: d.Name, To: value, Code: tenant.NewSecret(code), ExpiresAt: p.ExpiresAt,
	}, nil
}

// count counts a code, and refuses one too many. Of two transactions that count at once the
// second one is told to begin again.
func (f *Fields) count(ctx context.Context, tx store.Store, tenantID string, d Field, what, key string, most int, now time.Time) error {
	window := f.cfg.Limits.Window
	start := now.Truncate(window)
	end := start.Add(window)
	sum := sha256.Sum256([]byte(what + "\x00" + key + "\x00" + strconv.FormatInt(start.Unix(), 10)))
	key = hex.EncodeToString(sum[:])
	n := 0
	switch data, err := tx.TakeToken(ctx, tenantID, tokenCount, key, now); {
	case err == nil:
		// What does not decode counts from zero.
		n, _ = strconv.Atoi(string(data))
	case !notFound(err):
		return err
	}
	if n >= most {
		r := refuseField(CodeTooManyCodes, d.Name, "Too many codes were asked for. Try again later.")
		r.RetryAfter = end.Sub(now)
		return r
	}
	err := tx.PutToken(ctx, tenantID, store.Token{Kind: tokenCount, Key: key, Data: []byte(strconv.Itoa(n + 1)), ExpiresAt: end.Add(window)})
	if errors.Is(err, store.ErrConflict) {
		return errAgain
	}
	return err
}

// attempt counts a guess; false says that there were as many as are allowed. Each takes a
// place of its own, so that of guesses at once none is free.
func (f *Fields) attempt(ctx context.Context, tx store.Store, tenantID string, p store.PendingField) (bool, error) {
	for i := range f.cfg.Limits.Attempts {
		err := tx.PutToken(ctx, tenantID, store.Token{Kind: tokenAttempt, Key: p.ID + "/" + strconv.Itoa(i), ExpiresAt: p.ExpiresAt})
		if !errors.Is(err, store.ErrConflict) {
			return err == nil, err
		}
	}
	return false, nil
}

// codelessError is a sender's error without the code: what fails often quotes the request that it made.
type codelessError struct {
	err  error
	code tenant.Secret
}

func (e *codelessError) Error() string {
	return strings.ReplaceAll(e.err.Error(), e.code.Reveal(), e.code.String())
}

func (e *codelessError) Unwrap() error { return e.err }

// send hands the message to the host's sender, after the commit. What fails is told, and the person
// may ask for another code at once.
func (f *Fields) send(ctx context.Context, m CodeMessage) error {
	g := guard{timeout: sendTimeout, logger: f.cfg.Logger}
	err := g.call(ctx, "SendCode", func(ctx context.Context) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			}
			if err != nil {
				err = &codelessError{err, m.Code}
			}
		}()
		return f.cfg.Sender.SendCode(ctx, m)
	})
	if err == nil {
		return nil
	}
	f.cfg.Logger.WarnContext(ctx, "provisioning: a code was not sent", "tenant", m.TenantID, "account", m.AccountID, "field", m.Field, "error", err)
	refusal := refuseField(CodeCodeNotSent, m.Field, "The code could not be sent. Ask for another one.")
	if errors.Is(err, ErrNumberRefused) {
		refusal = refuseField(CodeNumberRefused, m.Field, "No code can be sent to this number. Enter another one.")
	}
	// Whoever asked may have gone; what is known about the code must be right all the same.
	ctx = context.WithoutCancel(ctx)
	undo := func(tx store.Store) error {
		rec, err := tx.Account(ctx, m.TenantID, m.AccountID)
		if err != nil {
			return err
		}
		have := fieldOf(rec.Fields, m.Field)
		if have.Pending == nil || have.Pending.ID != m.ID {
			return nil // another one was asked for
		}
		p := *have.Pending
		if err := f.noWait(ctx, tx, m.TenantID, m.AccountID, p.SentAt); err != nil {
			return err
		}
		p.SentAt = p.SentAt.Add(-f.cfg.Limits.ResendAfter)
		if have.Pending = &p; refusal.Code == CodeNumberRefused {
			have.Pending = nil
		}
		rec.Fields, rec.UpdatedAt = putField(rec.Fields, have), f.cfg.Now()
		ev := f.event(EventFieldCode, system, rec, FieldValue{Field: m.Field, Value: masked(m.To)})
		ev.Code, ev.Message = refusal.Code, refusal.Message
		_, err = tx.UpdateAccount(ctx, m.TenantID, rec, ev)
		return err
	}
	if err := f.inTx(ctx, undo); err != nil {
		f.cfg.Logger.WarnContext(ctx, "provisioning: that a code was not sent could not be written down", "tenant", m.TenantID, "account", m.AccountID, "error", err)
	}
	return refusal
}

// masked is a value for the audit log of codes: who reads it knows which number is meant,
// and nobody else learns one.
func masked(value string) string {
	const shown = 3
	r := []rune(value)
	if len(r) <= 2*shown {
		return "…"
	}
	return "…" + string(r[len(r)-shown:])
}
