package story

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// browser is one person with a browser of their own: it keeps cookies and follows
// redirects.
type browser struct {
	client *http.Client
}

func newBrowser() (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &browser{client: &http.Client{Jar: jar, Timeout: 30 * time.Second}}, nil
}

// answer is what came back.
type answer struct {
	status int
	url    *url.URL // after redirects
	body   []byte
}

// problem is RFC 9457, as the product's pages answer a refusal.
type problem struct {
	Code     string `json:"code"`
	Detail   string `json:"detail"`
	Findings []struct {
		Field   string
		Code    string
		Message string
	} `json:"findings"`
}

func (b *browser) do(ctx context.Context, method, target, accept string, body io.Reader, contentType string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Accept", accept)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	return answer{status: resp.StatusCode, url: resp.Request.URL, body: data}, err
}

// get reads a page as JSON into out, unless out is nil.
func (b *browser) get(ctx context.Context, target string, out any) (answer, error) {
	a, err := b.do(ctx, http.MethodGet, target, "application/json", nil, "")
	if err == nil && out != nil {
		err = a.decode(http.StatusOK, out)
	}
	return a, err
}

// post sends a form and asks for JSON.
func (b *browser) post(ctx context.Context, target string, form url.Values) (answer, error) {
	return b.do(ctx, http.MethodPost, target, "application/json", strings.NewReader(form.Encode()), "application/x-www-form-urlencoded")
}

// outcome waits for what the portal does beside its pages, where the answer says that it takes longer.
func (b *browser) outcome(ctx context.Context, app string, a answer) (answer, error) {
	for a.status == http.StatusAccepted {
		var begun struct{ Wait string }
		if err := json.Unmarshal(a.body, &begun); err != nil {
			return a, err
		}
		for {
			next, err := b.get(ctx, app+begun.Wait, nil)
			var waiting struct{ What string }
			if err != nil || json.Unmarshal(next.body, &waiting) != nil || waiting.What == "" {
				return next, err
			}
			select {
			case <-ctx.Done():
				return next, ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return a, nil
}

// decode reads the body of an answer that has to have this status.
func (a answer) decode(status int, out any) error {
	if a.status != status {
		return fmt.Errorf("expected status %d, got %d from %s: %s", status, a.status, a.url, a.short())
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(a.body, out)
}

// refused reads a refusal.
func (a answer) refused(status int, code string) (problem, error) {
	var p problem
	if err := a.decode(status, &p); err != nil {
		return p, err
	}
	if p.Code != code {
		return p, fmt.Errorf("expected the code %q, got %q: %s", code, p.Code, p.Detail)
	}
	return p, nil
}

func (a answer) short() string {
	text := strings.Join(strings.Fields(string(a.body)), " ")
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return text
}

var (
	formAction  = regexp.MustCompile(`<form[^>]*action="([^"]*)"`)
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// throughProvider follows a sign-in to the identity provider, fills in its login form,
// and returns where the browser ends up.
func (b *browser) throughProvider(ctx context.Context, method, start, email, password string) (answer, error) {
	page, err := b.do(ctx, method, start, "text/html", nil, "")
	if err != nil {
		return page, err
	}
	action := formAction.FindSubmatch(page.body)
	if page.status != http.StatusOK || action == nil || !bytes.Contains(page.body, []byte(`name="password"`)) {
		return page, fmt.Errorf("expected the provider's login form, got %d from %s: %s", page.status, page.url, page.short())
	}
	target, err := page.url.Parse(string(action[1]))
	if err != nil {
		return page, err
	}
	form := url.Values{"email": {email}, "password": {password}}
	for _, m := range hiddenField.FindAllSubmatch(page.body, -1) {
		form.Set(string(m[1]), string(m[2]))
	}
	return b.do(ctx, http.MethodPost, target.String(), "text/html", strings.NewReader(form.Encode()), "application/x-www-form-urlencoded")
}
