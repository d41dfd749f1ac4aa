package store

import (
	"slices"
	"strings"
	"time"
)

// Expr is a condition on records, small enough for any adapter to translate. The
// SCIM package derives one from a client's filter: whatever Expr cannot say becomes
// [All], and the whole filter is tested again on what comes back. So there is no
// "not": the complement of a condition that lets too much through would let too
// little through.
//
// The kinds are All, And, Or, Compare and In.
type Expr interface{ expr() }

type (
	// All matches every record.
	All struct{}
	// And matches what all its terms match; an empty And matches everything.
	And []Expr
	// Or matches what one of its terms matches; an empty Or matches nothing.
	Or []Expr
	// Compare matches a record that has a value of Attr which is in the relation Op
	// to Value.
	Compare struct {
		Attr  Attr
		Op    Op
		Value string
	}
	// In matches a record that has a value of Attr equal to one of Values. It must
	// not hold more than MaxLimit values.
	In struct {
		Attr   Attr
		Values []string
	}
)

func (All) expr()     {}
func (And) expr()     {}
func (Or) expr()      {}
func (Compare) expr() {}
func (In) expr()      {}

// Attr names what a condition looks at: one of the constants, or the Attr of a
// record's Keys.
type Attr string

// The attributes that records have without keys.
const (
	AttrID          Attr = "id"
	AttrUserName    Attr = "userName"          // users; compared by Fold
	AttrExternalID  Attr = "externalId"        // users, groups; compared byte by byte
	AttrActive      Attr = "active"            // users; "true" or "false"
	AttrDisplayName Attr = "displayName"       // groups; compared by Fold
	AttrCreatedAt   Attr = "meta.created"      // FormatTime
	AttrUpdatedAt   Attr = "meta.lastModified" // FormatTime; for groups without changes of members
	AttrMember      Attr = "members.value"     // groups: the ID of a direct member
	AttrGroup       Attr = "groups.value"      // users: the ID of a group that has the user as a direct member
	AttrEmail       Attr = "emails.value"      // users: each address, folded, among the Keys
)

// Op is a relation. Values are compared as byte strings, after Fold where the
// attribute says so.
type Op string

// The relations. A store may answer any but Eq on AttrID, AttrUserName and
// AttrExternalID with Page.Exact false.
const (
	Eq Op = "eq"
	Sw Op = "sw" // starts with
	Gt Op = "gt"
	Ge Op = "ge"
	Lt Op = "lt"
	Le Op = "le"
)

// Key is a value by which a record can be found, beside its columns. The caller
// folds Value where the attribute ignores case, here and in conditions alike. A record
// that has a key twice has it once, and uniquely if one of the two says so.
type Key struct {
	Attr  Attr   `json:"attr"`
	Value string `json:"value"`
	// Unique refuses with ErrConflict a write after which two records of one tenant and
	// kind would have the same Attr and Value, both of them Unique. Users, groups and
	// each type of resources are kinds. A key that is not Unique conflicts with none.
	// The value is free again once its record is deleted, or has it no more.
	Unique bool `json:"unique,omitempty"`
}

// FormatTime writes t so that byte order is the order of time.
func FormatTime(t time.Time) string {
	return Time(t).Format("2006-01-02T15:04:05.000000Z")
}

// foldedAttr says whether a column is compared by Fold.
func foldedAttr(a Attr) bool { return a == AttrUserName || a == AttrDisplayName }

// NormalizeValue brings the value of a condition to the form in which stores keep
// the attribute: folded where case does not count, otherwise as it is.
func NormalizeValue(a Attr, v string) string {
	if foldedAttr(a) {
		return Fold(v)
	}
	return v
}

// Matches evaluates e on a record whose values the function returns in their
// normalized form. It is what a store means by e, for adapters that evaluate
// conditions themselves.
func Matches(e Expr, values func(Attr) []string) bool {
	switch e := e.(type) {
	case nil, All:
		return true
	case And:
		for _, t := range e {
			if !Matches(t, values) {
				return false
			}
		}
		return true
	case Or:
		for _, t := range e {
			if Matches(t, values) {
				return true
			}
		}
		return false
	case Compare:
		want := NormalizeValue(e.Attr, e.Value)
		return slices.ContainsFunc(values(e.Attr), func(v string) bool { return e.Op.holds(v, want) })
	case In:
		have := values(e.Attr)
		return slices.ContainsFunc(e.Values, func(want string) bool {
			return slices.Contains(have, NormalizeValue(e.Attr, want))
		})
	default:
		return true
	}
}

func (op Op) holds(v, want string) bool {
	switch op {
	case Eq:
		return v == want
	case Sw:
		return strings.HasPrefix(v, want)
	case Gt:
		return v > want
	case Ge:
		return v >= want
	case Lt:
		return v < want
	case Le:
		return v <= want
	default:
		return true
	}
}
