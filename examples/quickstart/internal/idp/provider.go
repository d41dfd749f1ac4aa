package idp

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Errors that a caller can act on.
var (
	// ErrNotFound says that the directory has no such user or group.
	ErrNotFound = errors.New("idp: not found")
	// ErrConflict says that an e-mail address or a group's name is taken.
	ErrConflict = errors.New("idp: already exists")
	// ErrInvalid says that a value can't be taken; the message says why.
	ErrInvalid = errors.New("idp: invalid")
)

// Config describes the provider. BaseURL and Directories are required.
type Config struct {
	// BaseURL is where the provider is reached, such as http://127.0.0.1:8081. It may have a path.
	BaseURL string
	// Directories are the organisations.
	Directories []DirectoryConfig
	// HTTPClient sends SCIM requests. Nil means a client that gives up after 30 seconds. Redirects are not followed.
	HTTPClient *http.Client
	// MaxRetryWait is the longest Retry-After that a push waits for. Zero means 10 seconds.
	MaxRetryWait time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger gets one line for each push. Nil discards.
	Logger *slog.Logger
}

// Provider serves the directories: an http.Handler to be served at the base URL. All methods, those of its directories
// included, may be called concurrently.
type Provider struct {
	base        string
	path        string // of base, without a trailing slash
	directories []*Directory
	root        http.Handler
}

const defaultMaxRetryWait = 10 * time.Second

var slugPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// New makes a provider. The error says what is missing or wrong in the configuration.
func New(cfg Config) (*Provider, error) {
	u, err := url.Parse(cfg.BaseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("idp: Config.BaseURL %q must be an http or https address without query, such as http://127.0.0.1:8081", cfg.BaseURL)
	}
	if len(cfg.Directories) == 0 {
		return nil, errors.New("idp: Config.Directories needs at least one organisation")
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = &http.Client{Timeout: 30 * time.Second}
	}
	if cfg.MaxRetryWait <= 0 {
		cfg.MaxRetryWait = defaultMaxRetryWait
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Provider{base: cfg.BaseURL, path: strings.TrimRight(u.Path, "/")}
	for _, dc := range cfg.Directories {
		if !slugPattern.MatchString(dc.Slug) {
			return nil, fmt.Errorf("idp: slug %q of a directory must be lower-case letters, digits and dashes", dc.Slug)
		}
		if _, taken := p.Directory(dc.Slug); taken {
			return nil, fmt.Errorf("idp: two directories have the slug %q", dc.Slug)
		}
		d, err := newDirectory(cfg, p.path, dc)
		if err != nil {
			return nil, fmt.Errorf("idp: directory %s: %w", dc.Slug, err)
		}
		p.directories = append(p.directories, d)
	}
	p.root = p.routes()
	return p, nil
}

// Directory returns the organisation with this slug.
func (p *Provider) Directory(slug string) (*Directory, bool) {
	for _, d := range p.directories {
		if d.slug == slug {
			return d, true
		}
	}
	return nil, false
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	p.root.ServeHTTP(w, r)
}
