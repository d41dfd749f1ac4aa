package scim

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// params are the query parameters of RFC 7644 section 3.4.2 and RFC 9865,
// or the same from the body of a POST to /.search.
type params struct {
	filter               string
	filtered             bool
	attributes, excluded []string
	sortBy               string
	descending           bool
	startIndex           int
	count                int
	counted              bool
	cursor               string
	cursored             bool
}

// maxCount keeps absurd numbers from overflowing; pages are capped anyway.
const maxCount = 1 << 31

// parseParams reads the query. Names count in any case; Microsoft's validator
// sends "startindex". What it doesn't know, such as Entra's aadOptscim062020,
// is ignored.
func parseParams(query string) (params, error) {
	p := params{startIndex: 1}
	if query == "" {
		return p, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return p, badRequest(TypeInvalidSyntax, "The query can't be read; percent-encode it.")
	}
	for name, vs := range values {
		if err := p.set(strings.ToLower(name), vs); err != nil {
			return p, invalidCount(err, name, values.Has("cursor"))
		}
	}
	return p, nil
}

// invalidCount gives the error of a count beside a cursor the type of RFC 9865 section 2.1.
func invalidCount(err error, name string, cursored bool) error {
	var e *Error
	if cursored && strings.EqualFold(name, "count") && errors.As(err, &e) {
		return badRequest(TypeInvalidCount, "%s", e.Detail)
	}
	return err
}

// isParam reports whether SCIM knows a query parameter.
func isParam(name string) bool {
	switch strings.ToLower(name) {
	case "filter", "attributes", "excludedattributes", "sortby", "sortorder", "startindex", "count", "cursor":
		return true
	}
	return false
}

func (p *params) set(name string, vs []string) (err error) {
	v := vs[0]
	switch name {
	case "filter":
		if len(vs) > 1 {
			return badRequest(TypeInvalidFilter, "filter is given more than once.")
		}
		p.filter, p.filtered = v, true
	case "attributes":
		p.attributes, err = splitNames("attributes", vs)
	case "excludedattributes":
		p.excluded, err = splitNames("excludedAttributes", vs)
	case "sortby":
		p.sortBy = strings.TrimSpace(v)
	case "sortorder":
		return p.order(v)
	case "startindex":
		p.startIndex, err = whole("startIndex", v)
		p.startIndex = max(p.startIndex, 1)
	case "count":
		p.count, err = whole("count", v)
		p.count, p.counted = max(p.count, 0), true
	case "cursor":
		p.cursor, p.cursored = v, true
	}
	return err
}

func (p *params) order(v string) error {
	switch strings.ToLower(v) {
	case "", "ascending":
		p.descending = false
	case "descending":
		p.descending = true
	default:
		return badRequest(TypeInvalidValue, "sortOrder has to be ascending or descending.")
	}
	return nil
}

// maxNames bounds attributes and excludedAttributes.
const maxNames = 1000

func splitNames(param string, vs []string) (out []string, err error) {
	for _, v := range vs {
		for name := range strings.SplitSeq(v, ",") {
			if len(out) == maxNames {
				return nil, badRequest(TypeInvalidValue, "%s may hold at most %d names.", param, maxNames)
			}
			out = append(out, name)
		}
	}
	return out, nil
}

func whole(name, v string) (int, error) {
	v = strings.TrimSpace(v)
	digits := strings.TrimPrefix(v, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, badRequest(TypeInvalidValue, "%s has to be a whole number, not %q.", name, clip(v))
	}
	n, err := strconv.Atoi(v)
	if err != nil || n > maxCount {
		n = maxCount
		if digits != v {
			n = 0
		}
	}
	return n, nil
}

// searchParams reads a SearchRequest (RFC 7644 section 3.4.3).
func searchParams(body map[string]any) (params, error) {
	p := params{startIndex: 1}
	if v, ok := member(body, "schemas"); ok {
		if err := wantSchema(v, urnSearch); err != nil {
			return p, err
		}
	}
	for _, key := range sortedKeys(body) {
		vs, ok := searchValue(body[key])
		if !ok {
			return p, badRequest(TypeInvalidValue, "%s has a value of the wrong type.", clip(key))
		}
		if len(vs) == 0 || strings.EqualFold(key, "schemas") {
			continue
		}
		if err := p.set(strings.ToLower(key), vs); err != nil {
			_, cursored := member(body, "cursor")
			return p, invalidCount(err, key, cursored)
		}
	}
	return p, nil
}

func searchValue(v any) (out []string, ok bool) {
	for _, e := range elements(v) {
		switch e := e.(type) {
		case string:
			out = append(out, e)
		case interface{ String() string }: // json.Number
			out = append(out, e.String())
		default:
			return nil, false
		}
	}
	return out, true
}

const urnSearch = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

// precondition is what If-Match and If-None-Match ask for (RFC 9110 section 13).
type precondition struct{ match, noneMatch []string }

func (r *request) precondition() precondition {
	return precondition{match: tags(r.Header, "If-Match"), noneMatch: tags(r.Header, "If-None-Match")}
}

func tags(h http.Header, name string) (out []string) {
	for _, line := range h.Values(name) {
		for t := range strings.SplitSeq(line, ",") {
			if t = strings.TrimSpace(t); t != "" {
				out = append(out, t)
			}
		}
	}
	return out
}

// holds compares as RFC 9110 section 13.1 has it, but weakly for If-Match too,
// because all our tags are weak (RFC 7644 section 3.14).
func (c precondition) holds(tag string) error {
	if len(c.match) > 0 && !matchesTag(c.match, tag) {
		return &Error{Status: http.StatusPreconditionFailed, Detail: "The resource has changed since: its version is now " + tag + "."}
	}
	if len(c.noneMatch) > 0 && matchesTag(c.noneMatch, tag) {
		return &Error{Status: http.StatusPreconditionFailed, Detail: "The resource still has the version " + tag + "."}
	}
	return nil
}

func (c precondition) given() bool { return len(c.match) > 0 }

func matchesTag(list []string, tag string) bool {
	opaque := strings.TrimPrefix(tag, "W/")
	for _, t := range list {
		t = strings.TrimPrefix(t, "W/")
		if t == "*" || t == opaque || t == strings.Trim(opaque, `"`) {
			return true
		}
	}
	return false
}
