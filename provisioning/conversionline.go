package provisioning

import (
	"context"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// maxEntry is the longest entry of a list, in bytes.
const maxEntry = 320

func trimEntry(s string) string { return strings.TrimSpace(s) }

// converter judges the entries of one list.
type converter struct {
	e          *Engine
	tx         store.Store
	tenantID   string
	root       string
	domains    verifiedDomains
	breakGlass map[string]bool
	seen       map[string]bool // accounts and addresses
	records    map[string]*store.Account
}

func (e *Engine) newConverter(ctx context.Context, tx store.Store, tenantID string) (*converter, error) {
	c := &converter{e: e, tx: tx, tenantID: tenantID, seen: map[string]bool{}, records: map[string]*store.Account{}}
	var err error
	if c.root, err = e.target.RootAccount(ctx, tx, tenantID); err != nil {
		return nil, hostErr("read the root account", err)
	}
	if c.domains, err = loadDomains(ctx, tx, tenantID); err != nil {
		return nil, err
	}
	c.breakGlass, err = breakGlassOf(ctx, tx, tenantID)
	return c, err
}

const noSuchAccount = "There is no such account in the application."

func (c *converter) line(ctx context.Context, entry, address string) (ConversionLine, error) {
	l := ConversionLine{Entry: clip(entry)}
	say := func(code, message string) (ConversionLine, error) {
		l.Code, l.Message = code, message
		return l, nil
	}
	if len(entry) > maxEntry || len(address) > maxEntry {
		return say("not_found", noSuchAccount)
	}
	account, member, err := c.find(ctx, entry)
	if notFound(err) || err == nil && !member && !c.domains.has(account.Email) {
		// Of an account elsewhere nobody learns that it exists.
		return say("not_found", noSuchAccount)
	}
	if err != nil {
		return l, err
	}
	l.accountID, l.Email = account.ID, account.Email
	if member {
		l.AccountID = account.ID
	}
	rec, err := c.record(ctx, account.ID)
	if err != nil {
		return l, err
	}
	if foldEmail(address) != foldEmail(account.Email) && trimEntry(address) != "" {
		l.Address, l.address = plainEmail(address), foldEmail(address)
	}
	signsIn := account.Email
	if l.address != "" {
		signsIn = l.Address
	}
	switch {
	case c.seen[account.ID] || l.address != "" && c.seen[l.address]:
		return say("duplicate", "The account is in the list twice.")
	case account.ID == c.root:
		return say("root_user", "This account created the organisation and cannot be provisioned.")
	case c.breakGlass[foldEmail(account.Email)] || c.breakGlass[l.address]:
		return say("break_glass", "The address is on the break-glass list. Take it off first.")
	case !c.domains.has(signsIn):
		return say("domain_not_verified", "The address is not in a verified domain of the organisation ("+c.domains.names()+").")
	case rec != nil && rec.SCIMUserID != "":
		return say("already_provisioned", "A directory provisions this account already.")
	case rec != nil && rec.Convertible && rec.Conversion.Address == l.address:
		return say("already_approved", "The account was approved before and waits for the directory.")
	}
	free, err := c.addressFree(ctx, &l, signsIn)
	if err != nil {
		return l, err
	}
	if !free {
		return say("address_taken", "The address belongs to another account, or to a user of the directory who has one.")
	}
	c.seen[account.ID], c.seen[foldEmail(signsIn)] = true, true
	switch {
	case l.SCIMUserID != "":
		return say("ready", "The directory has sent this user already and takes the account over at once. Its history stays.")
	case !member:
		return say("ready", "The account joins the organisation when the directory sends a user with this address. Its history stays.")
	}
	return say("ready", "The directory takes the account over when it sends a user with this address. Its history stays.")
}

// find returns an account, and whether it is in the tenant.
func (c *converter) find(ctx context.Context, entry string) (AccountState, bool, error) {
	if !strings.Contains(entry, "@") {
		a, err := c.e.hostAccount(ctx, c.tx, c.tenantID, entry)
		return a, true, err
	}
	a, err := c.e.target.AccountByEmail(ctx, c.tx, c.tenantID, plainEmail(entry))
	if notFound(err) {
		return a, false, err
	}
	if err != nil {
		return a, false, hostErr("find an account by its address", err)
	}
	_, err = c.e.hostAccount(ctx, c.tx, c.tenantID, a.ID)
	if notFound(err) {
		return a, false, nil
	}
	return a, err == nil, err
}

// record reads what we know of an account; nil if nothing.
func (c *converter) record(ctx context.Context, id string) (*store.Account, error) {
	rec, err := c.tx.Account(ctx, c.tenantID, id)
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.records[id] = &rec
	return &rec, nil
}

// addressFree says whether the directory may send the account's user with this address, and
// notes the user if it has sent it already.
func (c *converter) addressFree(ctx context.Context, l *ConversionLine, address string) (bool, error) {
	if l.address != "" {
		other, err := c.e.target.AccountByEmail(ctx, c.tx, c.tenantID, address)
		if err == nil && other.ID != l.accountID {
			return false, nil
		}
		if err != nil && !notFound(err) {
			return false, hostErr("find an account by its address", err)
		}
		tied, err := tiedTo(ctx, c.tx, c.tenantID, subjectAddress, l.address)
		if err != nil || tied != "" && tied != l.accountID {
			return false, err
		}
	}
	u, err := userOfAddress(ctx, c.tx, c.tenantID, address)
	if err != nil || u == nil {
		return err == nil, err
	}
	has, err := c.tx.AccountOfSCIMUser(ctx, c.tenantID, u.ID)
	switch {
	case err == nil:
		return has.ID == l.accountID, nil
	case !notFound(err):
		return false, err
	}
	if u.Active {
		l.SCIMUserID = u.ID
	}
	return true, nil
}

// userOfAddress finds the directory's user whose address this is; nil if there is none. Of
// several the active one counts, then the oldest.
func userOfAddress(ctx context.Context, tx store.Store, tenantID, address string) (*store.SCIMUser, error) {
	folded := foldEmail(address)
	var found *store.SCIMUser
	for u, err := range pages(func(after string) (store.Page[store.SCIMUser], error) {
		return tx.SCIMUsers(ctx, tenantID, store.Query{After: after, Filter: store.Or{
			store.Compare{Attr: store.AttrUserName, Op: store.Eq, Value: folded},
			store.Compare{Attr: store.AttrEmail, Op: store.Eq, Value: folded},
		}})
	}) {
		if err != nil {
			return nil, err
		}
		// A store may apply less of the filter.
		if foldEmail(ProfileOf(u).Email) == folded && (found == nil || u.Active && !found.Active) {
			found = &u
		}
	}
	return found, nil
}

// changes plans for the users who are there what approving would bring them.
func (c *converter) changes(ctx context.Context, lines []ConversionLine) error {
	byUser := map[string]*ConversionLine{}
	there := newConcern()
	for i := range lines {
		if l := &lines[i]; l.Code == "ready" && l.SCIMUserID != "" {
			byUser[l.SCIMUserID] = l
			there.addUser(l.SCIMUserID, userConcern{})
		}
	}
	if there.empty() {
		return nil
	}
	loader, err := c.e.newLoader(ctx, c.tx, c.tenantID, nil)
	if err != nil {
		return err
	}
	loader.assume = map[string]store.Account{}
	for id, l := range byUser {
		rec := store.Account{Meta: store.Meta{ID: l.accountID}, Source: store.SourceManual, Active: true, Email: l.Email}
		if have := c.records[l.accountID]; have != nil {
			rec = *have
		}
		rec.Convertible, rec.Conversion.Address = true, l.address
		loader.assume[id] = rec
	}
	snap, err := loader.load(ctx, there)
	if err != nil {
		return err
	}
	plan := compute(snap)
	for _, line := range plan.Lines {
		if l := byUser[line.SCIMUserID]; l != nil {
			l.Changes = append(l.Changes, line)
		}
	}
	for _, f := range plan.Findings {
		if l := byUser[f.SCIMUserID]; l != nil {
			l.Left = append(l.Left, f)
		}
	}
	return nil
}
