package store

// MaxLimit is the largest page that a caller may ask for; a store may treat a
// larger Limit, or none, as MaxLimit.
const MaxLimit = 1000

// Query selects a page of a list.
type Query struct {
	// Filter narrows the list; nil means [All]. A store may apply less of it than
	// it says (see [Page]), never more.
	Filter Expr
	// After is the ID of the last record of the page before; empty means from the
	// start. It need not exist any more.
	After string
	// Offset skips this many records after After. A store that does not apply the
	// whole Filter ignores it.
	Offset int
	// Limit is the most records to return; zero or more than MaxLimit means MaxLimit.
	Limit int
	// WithoutBody leaves Body empty, for callers that need only the columns. A store
	// may ignore it.
	WithoutBody bool
	// ReadOnly promises that the caller changes neither Body nor Keys of what it gets, so
	// that a store that keeps them in memory may lend its own. A store may ignore it.
	ReadOnly bool
}

// Page is a part of a list, in ascending order of the ID.
type Page[T any] struct {
	// Items may be fewer than the Limit, even none, before the list has ended: More
	// tells.
	Items []T
	// More says that records may follow. Next is the After of the page that follows.
	More bool
	Next string
	// Exact says that Items are those that match Filter, and that Offset was applied.
	// Otherwise Items may hold more than match (the caller tests each) and Offset was
	// ignored.
	Exact bool
}

// ClampLimit returns the Limit that q means.
func (q Query) ClampLimit() int {
	if q.Limit <= 0 || q.Limit > MaxLimit {
		return MaxLimit
	}
	return q.Limit
}
