package filtertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
)

// Base is the BaseURL that the handler has to have. It has to take the key "key"
// for any tenant.
const Base = "https://app.example.com/scim/v2"

// client calls a handler without a network, for one tenant.
type client struct {
	name   string // of the store behind the handler
	h      http.Handler
	tenant string
}

// do sends a request and decodes the answer into v, unless that is nil.
func (c *client) do(method, target string, body, v any) (status int, err error) {
	var raw []byte
	if body != nil {
		if raw, err = json.Marshal(body); err != nil {
			return 0, err
		}
	}
	r := httptest.NewRequestWithContext(context.Background(), method, Base+"/"+c.tenant+target, bytes.NewReader(raw))
	r.Header.Set("Authorization", "Bearer key")
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	if w.Code >= 300 {
		return w.Code, fmt.Errorf("%s %s: status %d: %s", method, clip(target), w.Code, clip(w.Body.String()))
	}
	if v == nil || w.Body.Len() == 0 {
		return w.Code, nil
	}
	d := json.NewDecoder(w.Body)
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return w.Code, fmt.Errorf("%s %s: %w", method, clip(target), err)
	}
	return w.Code, nil
}

func (c *client) get(target string, v any) error {
	_, err := c.do(http.MethodGet, target, nil, v)
	return err
}

// clip keeps what is printed short.
func clip(s string) string {
	if len(s) > 300 {
		return strings.ToValidUTF8(s[:300], "") + fmt.Sprintf("… (%d bytes)", len(s))
	}
	return s
}

// all reads the resources of a type, with all attributes.
func (c *client) all(rt *resourceType) (docs []map[string]any, err error) {
	var page struct {
		TotalResults int
		Resources    []map[string]any
	}
	if err := c.get(rt.Endpoint+"?count=1000&attributes="+url.QueryEscape(rt.everything()), &page); err != nil {
		return nil, err
	}
	if page.TotalResults != len(page.Resources) {
		return nil, fmt.Errorf("%s: %d of %d resources in one page", rt.Endpoint, len(page.Resources), page.TotalResults)
	}
	return page.Resources, nil
}

// query are the parameters of a search.
type query struct {
	filter     string
	sortBy     string
	descending bool
	start      int // 0 means none
	count      int // -1 means none
	cursor     *string
	whole      bool // resources with all that is returned by default
}

// answer is what a search found.
type answer struct {
	TotalResults int
	StartIndex   int
	ItemsPerPage int
	NextCursor   string
	Resources    []struct {
		ID   string
		Meta struct{ ResourceType string }
	}
}

func (a *answer) ids(typeName string) (out []string) {
	for _, r := range a.Resources {
		if typeName == "" || r.Meta.ResourceType == typeName {
			out = append(out, r.ID)
		}
	}
	return out
}

// search sends a query by GET.
func (c *client) search(endpoint string, q query) (a answer, err error) {
	v := url.Values{"filter": {q.filter}}
	if q.sortBy != "" {
		v.Set("sortBy", q.sortBy)
	}
	if q.descending {
		v.Set("sortOrder", "descending")
	}
	if q.start > 0 {
		v.Set("startIndex", strconv.Itoa(q.start))
	}
	if q.count >= 0 {
		v.Set("count", strconv.Itoa(q.count))
	}
	if q.cursor != nil {
		v.Set("cursor", *q.cursor)
	}
	if !q.whole {
		v.Set("attributes", "id")
	}
	return a, c.get(endpoint+"?"+v.Encode(), &a)
}

// post sends a query to /.search (RFC 7644 section 3.4.3).
func (c *client) post(endpoint string, q query) (a answer, err error) {
	body := map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"},
		"filter":  q.filter, "attributes": []string{"id", "meta.resourceType"},
	}
	if q.sortBy != "" {
		body["sortBy"] = q.sortBy
	}
	if q.descending {
		body["sortOrder"] = "descending"
	}
	if q.start > 0 {
		body["startIndex"] = q.start
	}
	if q.count >= 0 {
		body["count"] = q.count
	}
	if q.cursor != nil {
		body["cursor"] = *q.cursor
	}
	_, err = c.do(http.MethodPost, strings.TrimSuffix(endpoint, "/")+"/.search", body, &a)
	return a, err
}
