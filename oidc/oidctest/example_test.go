package oidctest_test

import (
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
)

// A provider with a login page, for a program that serves it itself.
func ExampleNew() {
	p, err := oidctest.New(oidctest.Config{
		Issuer:    "http://127.0.0.1:8081",
		LoginPage: true,
		Title:     "Acme sign-in",
		Users:     []oidctest.User{{Subject: "1", Email: "ada@acme.example", Password: "correct horse", Name: "Ada"}},
		Clients: []oidctest.Client{{
			ID: "tenantgate", Secret: "a long random secret", AuthMethod: "client_secret_post",
			RedirectURIs: []string{"http://127.0.0.1:8080/sso/signin-oidc/1"},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	// http.ListenAndServe("127.0.0.1:8081", p)
	fmt.Println(p.Issuer())
	// Output: http://127.0.0.1:8081
}

// A provider for a test, which misbehaves on request.
func ExampleNewServer() {
	_ = func(t *testing.T) {
		idp := oidctest.NewServer(t)
		idp.SetUsers(oidctest.User{Subject: "u1", Email: "ada@acme.example"})
		for _, m := range oidctest.Misbehaviours() {
			idp.SetFaults(m.Faults)
			// Sign in through your own handlers: a session must exist exactly if m.Accept.
		}
	}
}

// A provider that signs with another algorithm and whose clock runs ahead.
func ExampleNewServerConfig() {
	_ = func(t *testing.T) {
		key, err := oidctest.GenerateKey("key-1", "ES256")
		if err != nil {
			t.Fatal(err)
		}
		idp := oidctest.NewServerConfig(t, oidctest.Config{
			Users: []oidctest.User{{Subject: "u1", Email: "ada@acme.example"}},
			Keys:  []oidctest.Key{key},
			Now:   func() time.Time { return time.Now().Add(30 * time.Second) },
		})
		t.Log(idp.Issuer())
	}
}

// A provider that ends somebody's sessions, in all the ways that must be refused.
func ExampleProvider_SendLogout() {
	_ = func(t *testing.T, logoutURI string) {
		var keys []oidctest.Key // one fault is a token that is signed with another published key
		for _, alg := range []string{"RS256", "ES256"} {
			key, err := oidctest.GenerateKey(alg, alg)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
		idp := oidctest.NewServerConfig(t, oidctest.Config{Keys: keys})
		for _, m := range oidctest.LogoutMisbehaviours() {
			answer, err := idp.SendLogout(t.Context(), nil, logoutURI, oidctest.Logout{Subject: "u1", SessionID: "s1", Faults: m.Faults})
			if err != nil || (answer.Status == 200) != m.Accept {
				t.Errorf("%s: %d, %v", m.Name, answer.Status, err)
			}
		}
	}
}

func ExampleGenerateKey() {
	key, err := oidctest.GenerateKey("key-2", "ES256")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.ID, key.Alg)
	// Output: key-2 ES256
}
