package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/tenant"
)

// options are the flags. Scripts use them, so they stay as they are.
type options struct {
	addr, idpAddr string
	store         string
	demo, json    bool

	// The first tenant's provider, where it is not the built-in one.
	authority, clientID, clientSecret, clientAuth string
	domains                                       []string

	scimPolicy string
}

// parseOptions reads the command line. An error is one line that says what is wrong
// and what to do; flag.ErrHelp means that the help was printed.
func parseOptions(args []string, help io.Writer) (options, error) {
	var (
		o       options
		domains string
	)
	fs := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` of the product; port 0 picks one")
	fs.StringVar(&o.idpAddr, "idp-addr", "127.0.0.1:8081", "`address` of the built-in identity provider; port 0 picks one")
	fs.StringVar(&o.store, "store", "", "memory, sqlite:FILE or postgres://…; the default is a SQLite file in a temporary folder")
	fs.BoolVar(&o.demo, "demo", false, "play the whole story against the running program, print each step, and exit 0 or 1")
	fs.BoolVar(&o.json, "json", false, "print the addresses and keys as one JSON object, as the first line")
	fs.StringVar(&o.authority, "authority", "", "`URL` of the provider that the first tenant uses instead of the built-in one")
	fs.StringVar(&o.clientID, "client-id", "", "client `ID` at that provider")
	fs.StringVar(&o.clientSecret, "client-secret", "", "client `secret` at that provider")
	fs.StringVar(&o.clientAuth, "client-auth", "", "how the client authenticates there: basic or post; the default is what the provider offers if it runs already, otherwise basic")
	fs.StringVar(&domains, "domains", "", "the first tenant's `domains`, separated by commas")
	fs.StringVar(&o.scimPolicy, "scim-policy", "strict", "strict (domains, root user, breaker, rate limit) or open (protocol rules alone, and /TestResources)")

	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fs.SetOutput(help)
		fmt.Fprintln(help, "quickstart runs a small on-call product with enterprise sign-on, and an identity provider to try it with.")
		fs.PrintDefaults()
		return o, flag.ErrHelp
	case err != nil:
		return o, fmt.Errorf("%w; run with -help to see the flags", err)
	case fs.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q: flags start with a dash; run with -help to see them", fs.Arg(0))
	}
	if domains != "" {
		names, findings := tenant.ParseDomains(domains)
		for _, f := range findings {
			if f.Severity == tenant.SeverityError {
				return o, fmt.Errorf("-domains: %s", f.Message)
			}
		}
		o.domains = names
	}
	return o, o.check()
}

func (o *options) check() error {
	for _, a := range []struct{ flag, value string }{{"-addr", o.addr}, {"-idp-addr", o.idpAddr}} {
		if err := checkLoopback(a.flag, a.value); err != nil {
			return err
		}
	}
	if !slices.Contains([]string{"strict", "open"}, o.scimPolicy) {
		return fmt.Errorf("-scim-policy %q is unknown: use strict or open", o.scimPolicy)
	}
	kind, rest, _ := strings.Cut(o.store, ":")
	switch {
	case o.store == "", o.store == "memory", strings.HasPrefix(o.store, "postgres://"), strings.HasPrefix(o.store, "postgresql://"):
	case kind == "sqlite" && rest != "":
	case kind == "sqlite":
		return errors.New("-store sqlite: needs a file, such as sqlite:/tmp/quickstart.db")
	default:
		return fmt.Errorf("-store %q is unknown: use memory, sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE", redactURL(o.store))
	}
	if o.authority == "" {
		if o.clientID != "" || o.clientSecret != "" || o.clientAuth != "" {
			return errors.New("-client-id, -client-secret and -client-auth belong to a provider of your own: give its -authority too")
		}
		return nil
	}
	if o.clientID == "" {
		return errors.New("-authority needs the -client-id that you registered there")
	}
	if !slices.Contains([]string{"", "basic", "post"}, o.clientAuth) {
		return fmt.Errorf("-client-auth %q is unknown: use basic or post", o.clientAuth)
	}
	if o.demo {
		return errors.New("-demo plays with the built-in identity provider: leave -authority out")
	}
	if o.clientSecret == "" {
		return errors.New("-authority needs the -client-secret that the provider gave you")
	}
	return nil
}

// checkLoopback keeps a program with well-known passwords off the network.
func checkLoopback(name, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%s %q is no address: use HOST:PORT, such as 127.0.0.1:8080", name, addr)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%s %q is not a loopback address: the quick start has passwords that everybody knows; use 127.0.0.1", name, addr)
	}
	return nil
}

// redactURL leaves a password out of what is printed.
func redactURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.User == nil {
		return s
	}
	return u.Redacted()
}
