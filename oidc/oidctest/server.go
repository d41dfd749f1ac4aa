package oidctest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// TB is the part of *testing.T that this package uses.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// The client and the user of a server whose Config names none.
const (
	DefaultClientID     = "client"
	DefaultClientSecret = "a-client-secret-for-tests-only"
	DefaultSubject      = "subject-1"
	DefaultEmail        = "ada@acme.example"
)

// Server is a provider that listens on loopback.
type Server struct {
	*Provider
	http *http.Server
}

// NewServer starts a provider on a random port of 127.0.0.1 with one client ([DefaultClientID]) that takes every
// redirect URI and one user ([DefaultEmail]), and closes it when the test ends. The test fails if a relying party did
// something that it must never do, see [Provider.Violations].
func NewServer(t TB) *Server {
	t.Helper()
	return NewServerConfig(t, Config{})
}

// NewServerConfig does the same with a configuration. An empty Issuer becomes the server's address; one that is only
// a path, such as "/realms/acme" or "/", is appended to it. Empty Clients, Users and Keys get the defaults; the
// default key is the same in the whole process, since making one takes time.
func NewServerConfig(t TB, cfg Config) *Server {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("oidctest: listen on loopback: %v", err)
		return nil
	}
	if cfg.Issuer == "" || cfg.Issuer[0] == '/' {
		cfg.Issuer = fmt.Sprintf("http://%s%s", listener.Addr(), cfg.Issuer)
	}
	if cfg.Clients == nil {
		cfg.Clients = []Client{{ID: DefaultClientID, Secret: DefaultClientSecret}}
	}
	if cfg.Users == nil {
		cfg.Users = []User{{Subject: DefaultSubject, Email: DefaultEmail, Name: "Ada Lovelace"}}
	}
	if cfg.Keys == nil {
		key, err := processKey()
		if err != nil {
			t.Fatalf("oidctest: make a key: %v", err)
			return nil
		}
		cfg.Keys = []Key{key}
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatalf("%v", err)
		return nil
	}
	s := &Server{Provider: p, http: &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.http.Serve(listener) //nolint:errcheck // ends with Close
	}()
	t.Cleanup(func() {
		s.Close()
		<-done
		for _, v := range s.Violations() {
			t.Errorf("oidctest: the relying party broke a rule of every test: %s", v)
		}
	})
	return s
}

// Close stops the server and cuts its connections.
func (s *Server) Close() { s.http.Close() }

var processKey = sync.OnceValues(func() (Key, error) { return GenerateKey("key-1", "RS256") })
