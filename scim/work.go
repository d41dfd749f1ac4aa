package scim

import (
	"net/http"
	"unicode/utf8"
)

// work counts what a request costs beside the store, so that one that is within all other
// limits can't keep a processor for long. Its unit is a comparison of a value, or of 64
// bytes of it.
type work int

// maxWork bounds one request, all operations of a bulk request and all attempts against
// faster writers together: some hundred milliseconds.
const maxWork = 6_000_000

// spend counts, and refuses a request that costs too much.
func (w *work) spend(n int) error {
	if *w += work(n); *w > maxWork {
		return &Error{
			Status: http.StatusRequestEntityTooLarge, Type: TypeTooMany,
			Detail: "The request would compare too many values with each other; ask for less in one request.",
		}
	}
	return nil
}

// textWeight is what comparing a text costs beyond a comparison; folding is dear outside
// of ASCII.
func textWeight(v any) int {
	s, _ := v.(string)
	n := len(s) / 64
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return 8 * n
		}
	}
	return n
}

// docWeight is at most about as much as a document takes as JSON, in bytes.
func docWeight(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case stored:
		return len(v)
	case []any:
		n := len(v)
		for _, e := range v {
			n += docWeight(e)
		}
		return n
	case map[string]any:
		n := len(v)
		for k, e := range v {
			n += len(k) + docWeight(e)
		}
		return n
	}
	return 1
}

// listWork is what filtering a list costs, which may be a long walk that the client can
// break off.
type listWork int

// maxListWork bounds one list, at some seconds.
const maxListWork = 400_000_000

func (w *listWork) spend(n int) error {
	if *w += listWork(n); *w > maxListWork {
		return badRequest(TypeTooMany, "The filter compares too much for so many resources; make it shorter, or begin it with userName eq, externalId eq, displayName eq or emails.value eq.")
	}
	return nil
}
