package realidp

import (
	"crypto/tls"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// browser follows redirects, keeps cookies, fills in the provider's forms and loads its frames.
type browser struct {
	t      *testing.T
	issuer string
	apps   []string // addresses that are not the provider's or of a page that it relies on
	client *http.Client
	// cancels makes it follow the link of somebody who does not want to sign in.
	cancels bool

	mu       sync.Mutex
	sameSite map[string]http.SameSite // of cookies, by host and name
	visited  []*url.URL
	pages    int // forms of the provider that were filled in
}

func newBrowser(t *testing.T, issuer string, apps []*client) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	b := &browser{t: t, issuer: issuer, sameSite: map[string]http.SameSite{}}
	for _, c := range apps {
		b.apps = append(b.apps, c.url)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // the applications' certificates are their own
	t.Cleanup(transport.CloseIdleConnections)
	b.client = &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		b.mu.Lock()
		b.visited = append(b.visited, r.URL)
		b.dropCrossSite(r)
		b.mu.Unlock()
		res, err := transport.RoundTrip(r)
		if err == nil {
			b.mu.Lock()
			for _, c := range res.Cookies() {
				b.sameSite[r.URL.Host+" "+c.Name] = c.SameSite
			}
			b.mu.Unlock()
		}
		return res, err
	})}
	return b
}

type roundTrip func(r *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// dropCrossSite does to a POST from another origin what browsers do: cookies stay behind that are not SameSite=None.
func (b *browser) dropCrossSite(r *http.Request) {
	origin := r.Header.Get("Origin")
	if r.Method != http.MethodPost || origin == "" || origin == r.URL.Scheme+"://"+r.URL.Host {
		return
	}
	cookies := r.Cookies()
	r.Header.Del("Cookie")
	for _, c := range cookies {
		if b.sameSite[r.URL.Host+" "+c.Name] == http.SameSiteNoneMode {
			r.AddCookie(c)
		}
	}
}

// went returns the addresses that the browser was at since the last call, which satisfy f.
func (b *browser) went(f func(*url.URL) bool) []*url.URL {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*url.URL
	for _, u := range b.visited {
		if f(u) {
			out = append(out, u)
		}
	}
	return out
}

// forget begins a new list of visited addresses.
func (b *browser) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.visited, b.pages = nil, 0
}

// page is what the browser shows in the end.
type page struct {
	status int
	url    string
	body   string
}

func (b *browser) get(target string) page {
	b.t.Helper()
	return b.walk(b.link(target))
}

func (b *browser) link(target string) *http.Request {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, target, http.NoBody)
	require.NoError(b.t, err)
	return req
}

func (b *browser) post(target, origin string, form url.Values) page {
	b.t.Helper()
	return b.walk(b.form(target, origin, form))
}

func (b *browser) form(target, origin string, form url.Values) *http.Request {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if u, err := url.Parse(origin); err == nil {
		req.Header.Set("Origin", u.Scheme+"://"+u.Host)
	}
	return req
}

var (
	formTag     = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)</form>`)
	inputTag    = regexp.MustCompile(`(?is)<(?:input|button)\b([^>]*)>`)
	frameTag    = regexp.MustCompile(`(?is)<iframe\b([^>]*)>`)
	attribute   = regexp.MustCompile(`(?s)([a-zA-Z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')`)
	continueTag = regexp.MustCompile(`(?is)<a\b[^>]*id="continue"[^>]*>`)
	cancelLink  = regexp.MustCompile(`(?is)<a\b[^>]*href="([^"]*/abort)"`)
	scriptGoes  = regexp.MustCompile(`redir\s*=\s*"([^"]+)"`)
)

func attributes(tag string) map[string]string {
	out := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
		out[strings.ToLower(m[1])] = html.UnescapeString(m[2] + m[3])
	}
	return out
}

// walk goes on until a page is an application's, or has nothing to fill in.
func (b *browser) walk(req *http.Request) page {
	b.t.Helper()
	for range 8 {
		res, err := b.client.Do(req)
		require.NoError(b.t, err)
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		require.NoError(b.t, err)
		p := page{res.StatusCode, res.Request.URL.String(), string(text)}
		if slices.Contains(b.apps, res.Request.URL.Scheme+"://"+res.Request.URL.Host) {
			return p
		}
		if req = b.next(res.Request.URL, p.body); req == nil {
			return p
		}
	}
	b.t.Fatal("too many pages")
	return page{}
}

// next is what a person, or the script of the page, does at a page of the provider.
func (b *browser) next(at *url.URL, text string) *http.Request {
	b.t.Helper()
	resolve := func(s string) string {
		u, err := at.Parse(s)
		require.NoError(b.t, err)
		return u.String()
	}
	b.loadFrames(text, resolve)
	if m := cancelLink.FindStringSubmatch(text); b.cancels && m != nil {
		return b.link(resolve(html.UnescapeString(m[1])))
	}
	if form := formTag.FindStringSubmatch(text); form != nil {
		b.pages++
		tag := attributes(form[1])
		return b.form(resolve(tag["action"]), at.String(), filledIn(text, form[2], tag["id"]))
	}
	target := ""
	if tag := continueTag.FindString(text); tag != "" {
		target = attributes(tag)["href"]
	} else if m := scriptGoes.FindStringSubmatch(text); m != nil {
		target = strings.NewReplacer(`\/`, `/`, `\u0026`, `&`).Replace(m[1])
	}
	if target == "" {
		return nil
	}
	return b.link(resolve(target))
}

// filledIn are the values of a form with its first button pressed, which may stand outside of it.
func filledIn(text, form, id string) url.Values {
	values := url.Values{}
	for _, m := range inputTag.FindAllStringSubmatch(text, -1) {
		input := attributes(m[1])
		inside := strings.Contains(form, m[0]) || id != "" && input["form"] == id
		if name := input["name"]; name != "" && inside && !values.Has(name) {
			values.Set(name, typed(name, input["value"]))
		}
	}
	return values
}

// typed is what a field has when the form is sent.
func typed(name, value string) string {
	switch name {
	case "login", "username", "email":
		return ada
	case "password":
		return password
	}
	return value
}

// loadFrames loads the frames of a page without any cookie, as browsers do in the page of another site.
func (b *browser) loadFrames(text string, resolve func(string) string) {
	b.t.Helper()
	for _, m := range frameTag.FindAllStringSubmatch(text, -1) {
		req := b.link(resolve(attributes(m[1])["src"]))
		res, err := (&http.Client{Transport: b.client.Transport, Timeout: b.client.Timeout}).Do(req)
		require.NoError(b.t, err)
		res.Body.Close()
		require.Equal(b.t, http.StatusOK, res.StatusCode, req.URL)
		require.Contains(b.t, res.Header.Get("Content-Security-Policy"), "frame-ancestors ")
		require.Contains(b.t, res.Header.Get("Content-Security-Policy"), strings.TrimSuffix(resolve("/"), "/"), "the provider may show the answer in its frame")
	}
}
