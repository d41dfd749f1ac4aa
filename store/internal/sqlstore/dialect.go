package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// Dialect is what one database does differently from another.
type Dialect struct {
	// Name begins the messages of errors.
	Name string
	// Mark is the character before a parameter's number, '$' or '?'.
	Mark byte
	// Time encodes a time that is in UTC with microseconds.
	Time func(time.Time) any
	// List encodes strings as one parameter, and InList is the condition that a column
	// equals one of them.
	List   func([]string) any
	InList func(column, param string) string
	// Times and InTimes are the same for times.
	Times   func([]time.Time) any
	InTimes func(column, param string) string
	// InQuery is the condition that a column equals one of the texts that a query returns, which does not depend on the rows
	// around it, written such that the query runs first whatever the planner knows.
	InQuery func(column, query string) string
	// Storable says whether a text can be stored; nil means that every text can.
	Storable func(string) bool
	// MaxIndexed is the length in bytes up to which a text is part of an index as it is;
	// see [Dialect.Indexed]. Zero means that there is no limit.
	MaxIndexed int
	// ExternalID is the condition beside an equal external ID (of a record named c) that
	// lets the index be used, if the index leaves long ones out.
	ExternalID string
	// Unindexed makes of a column an expression for which the planner uses no index, and
	// UseIndex asks it to use an index for the table before. Both are for a planner without
	// statistics, and leave things as they are for one that has them.
	Unindexed func(column string) string
	UseIndex  func(index string) string
	// GrantsAfter is the condition on grants of a group ($2) that come after the account,
	// kind and resource $3 to $5, such that the group's index is used.
	GrantsAfter string
	// MembersVersion and MembersUpdatedAt are the expressions for a group named r.
	MembersVersion   string
	MembersUpdatedAt string
	// CountRecords is the statement that reads the exact number of records of a tenant
	// ($1) and a kind ($2).
	CountRecords string
	// MoreTables are tables with rows of tenants that the other dialect does not have.
	MoreTables []Table
	// Lock is the statement with which a transaction takes the right to write at once;
	// empty if transactions need none.
	Lock string
	// OneWriter lets one transaction of this process write at a time.
	OneWriter bool
	// EphemeralToken is InsertToken for a token that need not survive a crash of the server.
	EphemeralToken string
	// Relax, where it is not nil, makes the commits of a connection survive a crash of the process alone,
	// until restore is called. EphemeralToken is then empty.
	Relax func(ctx context.Context, conn *sql.Conn) (restore func() error, err error)
	// Prepared are statements to prepare when the store is made. Others are prepared at
	// first use outside of a transaction. Nil leaves preparing to the driver.
	Prepared []string
}

// ErrText says that a text cannot be stored, or looked for, in this database.
var ErrText = errors.New("text contains a NUL or is not UTF-8, which the database cannot store; refuse it before it gets here")

// errNoSuchText answers a look-up of such a text: nothing stored can have it.
var errNoSuchText = fmt.Errorf("%w: %w", store.ErrNotFound, ErrText)

// storable checks the texts among a statement's arguments.
func (d *Dialect) storable(args []any) bool {
	if d.Storable == nil {
		return true
	}
	for _, a := range args {
		if s, ok := a.(string); ok && !d.Storable(s) {
			return false
		}
	}
	return true
}

// Indexed is the form in which an index has a text: that of a long one ends in a hash,
// and is longer than any text that is kept as it is.
func (d *Dialect) Indexed(s string) string {
	if d.MaxIndexed == 0 || len(s) <= d.MaxIndexed {
		return s
	}
	cut := d.MaxIndexed
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	sum := sha256.Sum256([]byte(s))
	return s[:cut] + hex.EncodeToString(sum[:])
}

// ordered says whether the indexed forms compare with a value as the texts do.
func (d *Dialect) ordered(value string) bool {
	return d.MaxIndexed == 0 || len(value) <= d.MaxIndexed-utf8.UTFMax
}

// optional encodes a text whose absence is NULL.
func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Optional encodes a text whose absence is NULL.
func (d *Dialect) Optional(s string) any { return optional(s) }

// OptionalTime encodes a time whose zero is NULL.
func (d *Dialect) OptionalTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return d.Time(t)
}

// Blob makes b storable in a column that is never NULL.
func Blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
