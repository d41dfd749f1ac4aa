package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// editAPI is a host's API for people: PATCH and DELETE /users/{id}, PUT /users/{id}/role.
func editAPI(w *world, l *Locks, change ...func(*GuardConfig)) http.Handler {
	w.Helper()
	done := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(w, err)
		_, err = fmt.Fprintf(rw, "done %s", body)
		require.NoError(w, err)
	})
	route := func(changes func(r *http.Request) ([]Change, error)) http.Handler {
		cfg := GuardConfig{Changes: func(r *http.Request) (string, []Change, error) {
			if r.Header.Get("X-Org") == "" {
				return "", nil, tenant.ErrForbidden
			}
			list, err := changes(r)
			return r.Header.Get("X-Org"), list, err
		}}
		for _, fn := range change {
			fn(&cfg)
		}
		guard, err := l.Guard(cfg)
		require.NoError(w, err)
		return guard(done)
	}
	user := func(r *http.Request) Resource { return lockOf(r.PathValue("id")) }
	mux := http.NewServeMux()
	mux.Handle("/users/{id}", route(func(r *http.Request) ([]Change, error) {
		if r.Method == http.MethodDelete {
			return []Change{{Resource: user(r), Op: OpDelete}}, nil
		}
		fields, err := JSONFields(r, 0)
		var out []Change
		for _, f := range fields {
			out = append(out, Change{Resource: user(r), Field: f, Op: OpUpdate})
		}
		return out, err
	}))
	mux.Handle("/users/{id}/role", route(func(r *http.Request) ([]Change, error) {
		return []Change{{Resource: Resource{Kind: ResourceOrgRole, AccountID: r.PathValue("id")}, Op: OpUpdate}}, nil
	}))
	return mux
}

func send(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("X-Org", org)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func problemIn(t *testing.T, rec *httptest.ResponseRecorder) Problem {
	t.Helper()
	require.Equal(t, "application/problem+json", rec.Header().Get("Content-Type"))
	require.Equal(t, "no-store", rec.Header().Get("Cache-Control"))
	var p Problem
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &p))
	require.Equal(t, rec.Code, p.Status)
	require.Equal(t, "about:blank", p.Type)
	require.Equal(t, http.StatusText(rec.Code), p.Title)
	return p
}

// TestR103GuardOfAnAPI: what is locked is refused over the host's API, with the reason.
func TestR103GuardOfAnAPI(t *testing.T) {
	w, ada := lockWorld(t)
	api := editAPI(w, newLocks(w))
	path := "/users/" + ada

	rec := send(api, "PATCH", path, `{"avatar":"x","email":"new@acme.example"}`)
	require.Equal(t, 409, rec.Code)
	p := problemIn(t, rec)
	require.Equal(t, "resource_locked", p.Code)
	require.Contains(t, p.Detail, "Change it in Okta")
	require.Len(t, p.Locks, 1)
	require.Equal(t, "email", p.Locks[0].Field)
	require.Equal(t, 1, p.Locks[0].Index)
	require.Equal(t, "Okta", p.Locks[0].Lock.Source)
	require.Equal(t, "Accept-Language", rec.Header().Get("Vary"))

	rec = send(api, "PATCH", path, `{"phone":"1"}`, "Accept-Language", "de")
	require.Equal(t, 403, rec.Code, "the tenant's own choice")
	p = problemIn(t, rec)
	require.Equal(t, "field_locked", p.Code)
	require.Contains(t, p.Detail, "Telefonnummer")
	rec = send(api, "PATCH", path, `{"phone":"1","Em\u0061il":"x"}`)
	require.Equal(t, 409, rec.Code, "escapes and case hide nothing")
	require.Len(t, problemIn(t, rec).Locks, 2)

	for _, body := range []string{`{"avatar":"x"}`, `{}`, ``, ` `} {
		rec = send(api, "PATCH", path, body)
		require.Equal(t, 200, rec.Code, body)
		require.Equal(t, "done "+body, rec.Body.String(), "the handler reads the same body")
	}
	require.Equal(t, 409, send(api, "DELETE", path, "").Code)
	require.Equal(t, 409, send(api, "PUT", path+"/role", "").Code)
	require.Equal(t, 200, send(api, "GET", path, "").Code)
	require.Equal(t, 200, send(api, "DELETE", "/users/u-root", "").Code)
	require.Equal(t, 200, send(api, "DELETE", path, "", "X-Org", "globex").Code, "the handler says that there is no such user")

	for _, tt := range []struct {
		body string
		code int
		says string
	}{
		{`[{"op":"replace"}]`, 400, "request_invalid"},
		{`"x"`, 400, "request_invalid"},
		{`{"email":`, 400, "request_invalid"},
		{`{"email"`, 400, "request_invalid"},
		{`{"avatar":1}{"email":2}`, 400, "request_invalid"},
		{`{"avatar":1,"email":}`, 400, "request_invalid"},
		{"{\"a\xff\":1,\"email\":2}", 409, "resource_locked"},
		{`{"avatar":1,"avatar":2,"email":3}`, 409, "resource_locked"},
		{`{` + strings.Repeat(" ", 2<<20) + `}`, 413, "request_too_large"},
	} {
		rec := send(api, "PATCH", path, tt.body)
		require.Equal(t, tt.code, rec.Code, clip(tt.body))
		require.Equal(t, tt.says, problemIn(t, rec).Code)
	}
	var many []string
	for i := range maxJSONFields + 1 {
		many = append(many, fmt.Sprintf(`"f%d":1`, i))
	}
	require.Equal(t, 400, send(api, "PATCH", path, "{"+strings.Join(many, ",")+"}").Code)
	rec = send(api, "PATCH", path, `{}`, "X-Org", "")
	require.Equal(t, 403, rec.Code)
	require.Equal(t, "forbidden", problemIn(t, rec).Code)
}

// brokenStore fails to read what locks need.
type brokenStore struct {
	store.Store
	err error
}

func (b brokenStore) Directories(context.Context, string) ([]store.Directory, error) {
	return nil, b.err
}

func TestGuardFailsClosed(t *testing.T) {
	w, ada := lockWorld(t)
	for _, tt := range []struct {
		err  error
		code int
	}{{errors.New("secret of the database"), 500}, {store.ErrUnavailable, 503}} {
		locks, err := NewLocks(LocksConfig{Store: brokenStore{w.st, tt.err}})
		require.NoError(t, err)
		rec := send(editAPI(w, locks), "DELETE", "/users/"+ada, "")
		require.Equal(t, tt.code, rec.Code)
		require.NotContains(t, rec.Body.String(), "secret")
		require.Equal(t, tt.code == 503, rec.Header().Get("Retry-After") != "")
	}
	_, err := newLocks(w).Guard(GuardConfig{})
	require.ErrorContains(t, err, "Changes")
}

// TestGuardOfForms: a page in HTML answers in its own way.
func TestGuardOfForms(t *testing.T) {
	w, ada := lockWorld(t)
	api := editAPI(w, newLocks(w), func(c *GuardConfig) {
		c.Refuse = func(rw http.ResponseWriter, _ *http.Request, locked *LockedError) {
			rw.WriteHeader(locked.Status())
			_, err := io.WriteString(rw, "<p>"+template.HTMLEscapeString(locked.Refused[0].Lock.Explain("de")))
			require.NoError(t, err)
		}
	})
	rec := send(api, "DELETE", "/users/"+ada, "")
	require.Equal(t, 409, rec.Code)
	require.Contains(t, rec.Body.String(), "<p>Diese Person wird von Okta verwaltet.")
}

func TestProblemOf(t *testing.T) {
	w, ada := lockWorld(t)
	locks := newLocks(w)
	err := w.st.InTx(w.ctx, func(tx store.Store) error {
		return locks.RequireTx(w.ctx, tx, org,
			Change{Resource: lockOf(ada), Field: "phone", Op: OpUpdate}, Change{Resource: lockOf("u-root"), Field: "email", Op: OpUpdate}, Change{Resource: lockOf(ada), Field: "email", Op: OpUpdate})
	})
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, "and 1 more")
	p, ok := ProblemOf(fmt.Errorf("saving: %w", err), "en")
	require.True(t, ok)
	require.Equal(t, 409, p.Status)
	require.Equal(t, []int{0, 2}, []int{p.Locks[0].Index, p.Locks[1].Index})
	_, ok = ProblemOf(store.ErrConflict, "en")
	require.False(t, ok)
	_, ok = ProblemOf(nil, "en")
	require.False(t, ok)
	p, ok = ProblemOf(w.lock(locks, lockOf(ada), "phone", OpUpdate).Err(), "")
	require.True(t, ok)
	require.Equal(t, 403, p.Status)

	many := make([]Change, 200)
	for i := range many {
		many[i] = Change{Resource: lockOf(ada), Op: OpDelete}
	}
	p, ok = ProblemOf(locks.RequireTx(w.ctx, w.st, org, many...), "en")
	require.True(t, ok)
	require.Len(t, p.Locks, maxProblemLocks)
	require.Less(t, len(p.Detail), 500, "the same is said once")
}

// elements parses a fragment and returns its elements.
func elements(t *testing.T, fragment string) (out []*html.Node) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(fragment))
	require.NoError(t, err)
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			out = append(out, n)
		}
	}
	return out
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// TestR106LockIcon: a button for keyboard and touch, described by its text, without style or script.
func TestR106LockIcon(t *testing.T) {
	w, ada := lockWorld(t)
	w.renameGroup("SRE", `</span><script>alert(1)</script>"onfocus="x`)
	w.sync()
	locks := newLocks(w)
	page := template.Must(template.New("").Funcs(LockFuncs("en")).Parse(`{{lockIcon .Lock "role 42"}}{{lockIcon .Lock "b" "de"}}<i>{{lockText .Lock}}</i><b>{{lockText .Lock "de"}}</b>{{lockIcon .Free "c"}}`))
	var b strings.Builder
	require.NoError(t, page.Execute(&b, map[string]Lock{"Lock": w.lock(locks, Resource{Kind: ResourceOrgRole, AccountID: ada}, "", OpUpdate), "Free": {}}))
	byID, buttons := map[string]*html.Node{}, []*html.Node(nil)
	for _, n := range elements(t, b.String()) {
		require.NotContains(t, []string{"script", "style", "link"}, n.Data)
		for _, a := range n.Attr {
			require.NotEqual(t, "style", a.Key)
			require.False(t, strings.HasPrefix(a.Key, "on"), a.Key)
		}
		byID[attr(n, "id")] = n
		if n.Data == "button" {
			buttons = append(buttons, n)
		}
	}
	require.Len(t, buttons, 2)
	for i, lang := range []string{"en", "de"} {
		n := buttons[i]
		require.Equal(t, "lock", attr(n, "class"))
		require.Equal(t, "button", attr(n, "type"))
		require.Equal(t, lang, attr(n, "lang"))
		text := byID[attr(n, "aria-describedby")]
		require.NotNil(t, text)
		require.Equal(t, attr(n, "aria-describedby"), attr(n, "popovertarget"))
		require.Equal(t, "tooltip", attr(text, "role"))
		require.Equal(t, attr(n, "title"), text.FirstChild.Data)
		require.Contains(t, text.FirstChild.Data, "<script>alert(1)</script>", "as text")
	}
	require.Equal(t, "lock-role-42", attr(buttons[0], "aria-describedby"))
	require.Equal(t, []string{"Locked", "Gesperrt"}, []string{attr(buttons[0], "aria-label"), attr(buttons[1], "aria-label")})
	require.Contains(t, b.String(), "<b>Diese Rolle kommt aus")

	w.directory(func(d *store.Directory) { d.Enabled = false })
	icon := string(LockIcon(w.lock(locks, lockOf(ada), "email", OpUpdate), "x", "en"))
	require.Contains(t, icon, `class="lock lock-lifted"`)
	require.Contains(t, icon, "Not locked at present")
	require.Empty(t, LockIcon(Lock{}, "x", "en"))
}

func TestLockHandler(t *testing.T) {
	w, ada := lockWorld(t)
	locks := newLocks(w)
	h, err := locks.Handler(LockHandlerConfig{Tenant: func(r *http.Request) (string, error) {
		switch id := r.Header.Get("X-Org"); id {
		case "":
			return "", tenant.ErrForbidden
		case "nix":
			return "", store.ErrNotFound
		case "broken":
			return "", errors.New("secret")
		default:
			return id, nil
		}
	}})
	require.NoError(t, err)
	_, err = locks.Handler(LockHandlerConfig{})
	require.ErrorContains(t, err, "Tenant")

	rec := send(h, "GET", "/locks?kind=user&field=email&account="+ada, "", "Accept-Language", "de-DE,en")
	require.Equal(t, 200, rec.Code)
	require.Equal(t, "application/json", rec.Header().Get("Content-Type"))
	require.Equal(t, []string{"Accept-Language", "Accept"}, rec.Header().Values("Vary"))
	var answer LockAnswer
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &answer))
	require.True(t, answer.Locked)
	require.Contains(t, answer.Text, "Diese Person wird von Okta verwaltet.")

	rec = send(h, "GET", "/locks?kind=user&account="+ada+"&op=delete&id=row-1", "", "Accept", "text/html,*/*")
	require.Equal(t, "text/html; charset=utf-8", rec.Header().Get("Content-Type"))
	require.Contains(t, rec.Body.String(), `aria-describedby="lock-row-1"`)
	rec = send(h, "GET", "/locks?kind=user&account="+ada+"&id=%22%3E%3Cscript%3E", "", "Accept", "text/html")
	require.NotContains(t, rec.Body.String(), "<script")
	rec = send(h, "GET", "/locks?kind=user&account="+ada, "", "X-Org", "globex")
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &answer))
	require.JSONEq(t, `{"locked":false}`, rec.Body.String(), "another tenant's account")

	rec = send(h, "GET", "/locks/lock.css", "", "X-Org", "")
	require.Equal(t, "text/css; charset=utf-8", rec.Header().Get("Content-Type"))
	require.Contains(t, rec.Body.String(), ".lock-text")

	for _, tt := range []struct {
		method, query, org string
		code               int
	}{
		{"POST", "kind=user&account=" + ada, org, 405},
		{"GET", "kind=User&account=" + ada, org, 400},
		{"GET", "kind=user&op=merge&account=" + ada, org, 400},
		{"GET", "", org, 400},
		{"GET", "kind=user&account=" + strings.Repeat("x", 300), org, 400},
		{"GET", "kind=user&account=%00", org, 400},
		{"GET", "kind=user&account=" + ada, "", 403},
		{"GET", "kind=user&account=" + ada, "nix", 404},
		{"GET", "kind=user&account=" + ada, "broken", 500},
	} {
		rec := send(h, tt.method, "/locks?"+tt.query, "", "X-Org", tt.org)
		require.Equal(t, tt.code, rec.Code, tt.query)
		problemIn(t, rec)
		require.NotContains(t, rec.Body.String(), "secret")
	}
}

func FuzzJSONFields(f *testing.F) {
	for _, s := range []string{`{"email":1}`, `{"a":{"b":[1,{}]},"c":null}`, `{"a":1,"a":2}`, `{"\u0065mail":1}`, `[]`, `{`, "{\"\xff\":1}", `{"a":1}x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPatch, "/", strings.NewReader(body))
		fields, err := JSONFields(r, 1<<16)
		if err != nil {
			return
		}
		again, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, body, string(again))
		// Whatever a handler's decoder would take is seen.
		var m map[string]json.RawMessage
		if json.Unmarshal([]byte(body), &m) == nil {
			for name := range m {
				require.Contains(t, fields, name)
			}
		}
	})
}
