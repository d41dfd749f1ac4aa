package memory

import (
	"context"
	"fmt"
	"sync"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
)

// setup hides the type from the Store's fields; its methods are the Store's.
type setup = records.Setup

// Store is a [store.Store] in memory. It is safe for concurrent use.
type Store struct {
	setup
	db *database
	// tx is set on the store that InTx hands out, which has the database's lock.
	tx *undoLog
}

var (
	_ store.Store             = (*Store)(nil)
	_ store.SCIMCounter       = (*Store)(nil)
	_ store.SCIMResourceStore = (*Store)(nil)
	_ store.SetupLinkStore    = (*Store)(nil)
	_ store.WebhookStore      = (*Store)(nil)
	_ store.PeopleReader      = (*Store)(nil)
	_ store.LockReader        = (*Store)(nil)
	_ store.SignInStore       = (*Store)(nil)
	_ store.LookupStore       = (*Store)(nil)
)

// New returns an empty store.
func New() *Store {
	return newStore(&database{tenants: map[string]*tenant{}, unique: map[uniqueKey]store.Ref{}}, nil)
}

func newStore(db *database, tx *undoLog) *Store {
	s := &Store{db: db, tx: tx}
	s.setup = records.New(rows{s})
	return s
}

// database is what all views of one store share.
type database struct {
	mu      sync.RWMutex
	tenants map[string]*tenant
	// unique holds the values that are unique across tenants.
	unique map[uniqueKey]store.Ref
}

// tenant is everything that one tenant has.
type tenant struct {
	users    *people[store.SCIMUser]
	groups   *people[store.SCIMGroup]
	members  map[string]*table[store.Member] // by group
	memberOf multi                           // member → groups
	records  map[string]*table[records.Row]  // by kind
	unique   map[uniqueKey]string            // value → ID of the row
	index    map[string]multi                // kind and index → IDs
	grants   *table[store.Grant]             // by account first
	byGroup  map[string]*table[store.Grant]  // by group, in the order of GrantsOfGroup
	tokens   map[tokenKey]store.Token
	leases   map[string]store.Lease
	events   eventLog
	// erased is how many events there were before the first that is left.
	erased    int64
	positions map[string]int64
}

type uniqueKey struct{ kind, name, value string }

func newTenant() *tenant {
	return &tenant{
		users:     newPeople[store.SCIMUser](),
		groups:    newPeople[store.SCIMGroup](),
		members:   map[string]*table[store.Member]{},
		memberOf:  multi{},
		records:   map[string]*table[records.Row]{},
		unique:    map[uniqueKey]string{},
		index:     map[string]multi{},
		grants:    newTable[store.Grant](),
		byGroup:   map[string]*table[store.Grant]{},
		tokens:    map[tokenKey]store.Token{},
		leases:    map[string]store.Lease{},
		positions: map[string]int64{},
	}
}

// noTenant stands for tenants that have nothing, and is never written.
var noTenant = newTenant()

// read runs fn on what the tenant has.
func (s *Store) read(ctx context.Context, tenantID string, fn func(t *tenant) error) error {
	t, done, err := s.reading(ctx, tenantID)
	if err != nil {
		return err
	}
	defer done()
	return fn(t)
}

// reading returns what the tenant has, until done is called.
func (s *Store) reading(ctx context.Context, tenantID string) (t *tenant, done func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	done = func() {}
	if s.tx == nil {
		s.db.mu.RLock()
		done = s.db.mu.RUnlock
	}
	if t = s.db.tenants[tenantID]; t == nil {
		t = noTenant
	}
	return t, done, nil
}

// write runs fn and stores the events, or takes everything back.
func (s *Store) write(ctx context.Context, tenantID string, events []store.Event, fn func(t *tenant, log *undoLog) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	log := s.tx
	if log == nil {
		s.db.mu.Lock()
		defer s.db.mu.Unlock()
		log = new(undoLog)
	}
	t := s.db.tenants[tenantID]
	if t == nil {
		t = newTenant()
		s.db.tenants[tenantID] = t
	}
	mark := len(*log)
	if err := fn(t, log); err != nil {
		log.rollback(mark)
		return err
	}
	t.appendEvents(log, events)
	return nil
}

// InTx implements [store.Store].
func (s *Store) InTx(ctx context.Context, fn func(tx store.Store) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	log := s.tx
	if log == nil {
		s.db.mu.Lock()
		defer s.db.mu.Unlock()
		log = new(undoLog)
	}
	mark, done := len(*log), false
	defer func() {
		if !done || err != nil {
			log.rollback(mark)
		}
	}()
	err = fn(newStore(s.db, log))
	done = true
	if err == nil {
		// A transaction that its caller gave up must not be committed.
		err = ctx.Err()
	}
	return err
}

func notFound(what, id string) error { return fmt.Errorf("%s %q: %w", what, id, store.ErrNotFound) }

func conflict(what, value string) error {
	return fmt.Errorf("%s %q is taken: %w", what, value, store.ErrConflict)
}

func stale(what, id string, have, want int64) error {
	return fmt.Errorf("%s %q has version %d, not %d: %w", what, id, have, want, store.ErrStale)
}
