package tenant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// HTTPConfig configures [NewHTTPValidator]. The zero value is complete.
type HTTPConfig struct {
	// HTTPClient makes the requests. Nil means [NewOutboundClient] with its defaults;
	// another one must be as careful, since customers name the hosts.
	HTTPClient *http.Client
	// Path is where the file is. Empty means /.well-known/tenantgate-challenge.txt.
	Path string
	// Prefix stands before the token in the file. Empty means
	// [DefaultChallengePrefix].
	Prefix string
}

// maxChallengeFile is enough for many lines.
const maxChallengeFile = 16 << 10 // bytes

// HTTPValidator proves a domain by a text file at https://{domain}{path}, one line of
// which is {prefix}{token}. Redirects are not followed. Whoever runs a domain's web
// site can prove it this way, which is often not who runs its mail: prefer DNS.
type HTTPValidator struct {
	client *http.Client
	path   string
	prefix string
}

// NewHTTPValidator makes a validator. It fails if Path does not begin with a slash.
func NewHTTPValidator(cfg HTTPConfig) (*HTTPValidator, error) {
	v := &HTTPValidator{client: cfg.HTTPClient, path: cfg.Path, prefix: cfg.Prefix}
	if v.client == nil {
		v.client = NewOutboundClient(OutboundConfig{MaxBodyBytes: maxChallengeFile})
	}
	if v.path == "" {
		v.path = "/.well-known/tenantgate-challenge.txt"
	}
	if v.prefix == "" {
		v.prefix = DefaultChallengePrefix
	}
	if !strings.HasPrefix(v.path, "/") || strings.ContainsAny(v.path, "?#\r\n ") {
		return nil, fmt.Errorf("tenant: HTTPConfig.Path %q must be a path that begins with a slash", v.path)
	}
	return v, nil
}

// DomainInstructions tells the file to make.
func (v *HTTPValidator) DomainInstructions(claim DomainClaim) []DomainInstruction {
	return []DomainInstruction{{Method: MethodHTTP, Type: "FILE", Name: "https://" + claim.Name + v.path, Value: v.prefix + claim.Token}}
}

// Validate fetches the file now.
func (v *HTTPValidator) Validate(ctx context.Context, claim DomainClaim) (DomainProof, error) {
	if claim.Token == "" {
		return DomainProof{}, errors.New("tenant: a domain claim without a token proves nothing")
	}
	at, want := "https://"+claim.Name+v.path, v.prefix+claim.Token
	lines, gone, f := v.fetch(ctx, at)
	if ctx.Err() != nil {
		return DomainProof{}, ctx.Err()
	}
	switch {
	case f != nil:
		f.Expected = want
		return DomainProof{Method: MethodHTTP, Absent: gone, Finding: *f}, nil
	case slices.Contains(lines, want):
		ok := Finding{Field: FieldDomains, Code: CodeDomainProven, Severity: SeverityOK, Message: fmt.Sprintf("The file at %s is right.", at)}
		return DomainProof{Proven: true, Method: MethodHTTP, Finding: ok}, nil
	}
	differs := errorFinding(FieldDomains, CodeDomainFileDiffers, "The file at %s has no line %s.", at, want)
	differs.Expected = want
	return DomainProof{Method: MethodHTTP, Absent: true, Finding: differs}, nil
}

// fetch reads the file's lines, or says what is wrong and whether the file is gone for certain.
func (v *HTTPValidator) fetch(ctx context.Context, at string) (lines []string, gone bool, f *Finding) {
	failed := func(code, format string, args ...any) ([]string, bool, *Finding) {
		f := errorFinding(FieldDomains, code, format, args...)
		return nil, false, &f
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return failed(CodeDomainUnreachable, "%s can't be requested.", at)
	}
	client := *v.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return ErrRedirect }
	res, err := client.Do(req)
	if res != nil {
		defer res.Body.Close()
	}
	switch {
	case errors.Is(err, ErrRedirect):
		return failed(CodeDomainFileMissing, "%s redirects elsewhere. The file must be at this address itself.", at)
	case err != nil:
		return failed(CodeDomainUnreachable, "%s could not be fetched. It must be reachable from the Internet with a valid certificate.", at)
	case res.StatusCode != http.StatusOK:
		_, _, f := failed(CodeDomainFileMissing, "%s answers with status %d. Expected 200 and the file.", at, res.StatusCode)
		return nil, res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone, f
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxChallengeFile+1))
	if err != nil || len(body) > maxChallengeFile {
		return failed(CodeDomainFileDiffers, "%s could not be read, or is larger than %d bytes.", at, maxChallengeFile)
	}
	for line := range strings.Lines(string(body)) {
		lines = append(lines, strings.TrimSpace(strings.TrimPrefix(line, "\uFEFF")))
	}
	return lines, false, nil
}
