package tenant_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// A part of the host is told of what directories did to users, after it was committed.
func ExampleNewFollowers() {
	st := memory.New()
	f, err := tenant.NewFollowers(tenant.FollowersConfig{Store: st, Followers: []tenant.Follower{{
		Name: "search-index", Types: []string{"scim.user.*"},
		Handle: func(_ context.Context, tenantID string, events []store.Event) error {
			for _, e := range events {
				fmt.Println(tenantID, e.Seq, e.Type)
			}
			return nil
		},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, typ := range []string{"scim.user.created", "scim.group.created", "scim.user.deleted"} {
		now := time.Now()
		if err := st.AppendEvents(context.Background(), "acme", store.Event{ID: store.NewID(now), Type: typ, At: now}); err != nil {
			fmt.Println(err)
		}
	}
	// A server gives f.Task() to its Runner, which goes on until it is stopped.
	fmt.Println(f.SyncAll(context.Background()))
	// Output:
	// acme 1 scim.user.created
	// acme 3 scim.user.deleted
	// 2 <nil>
}

// The sender is a task of the Runner; the types of the other packages are given to the Service.
func ExampleNewWebhookSender() {
	svc, err := newService(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil })
	if err != nil {
		fmt.Println(err)
		return
	}
	owner := tenant.Actor{Kind: tenant.ActorOwner, ID: "u1"}
	hook, err := svc.CreateWebhook(context.Background(), owner, "acme", tenant.NewWebhook{
		URL: "https://hooks.acme.com/tenantgate", Types: []string{"connection.*"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hook.State, hook.Secret) // the page shows hook.Secret.Reveal() this once
	sender, err := tenant.NewWebhookSender(tenant.WebhookSenderConfig{Service: svc})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = tenant.NewRunner(tenant.RunnerConfig{Service: svc, Tasks: []tenant.Task{sender.Task()}})
	fmt.Println(err)
	// Output:
	// enabled REDACTED
	// <nil>
}

// A receiver reads the body as it is, and verifies it before anything else.
func ExampleVerifyWebhook() {
	secret := tenant.NewSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	receive := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, tenant.MaxWebhookBody))
		if err != nil {
			http.Error(w, "too long", http.StatusRequestEntityTooLarge)
			return
		}
		id, err := tenant.VerifyWebhook(r.Header, body, tenant.WebhookVerification{Secrets: []tenant.Secret{secret}})
		if err != nil {
			fmt.Println(err)
			http.Error(w, "not from us", http.StatusUnauthorized)
			return
		}
		fmt.Println("new, unless it is known already:", id)
	}
	r := httptest.NewRequest(http.MethodPost, "/tenantgate", http.NoBody)
	r.Header.Set(tenant.HeaderWebhookID, "msg_p5jXN8AQM9LWM0D4loKWxJek")
	r.Header.Set(tenant.HeaderWebhookTimestamp, "1614265330") // somebody repeats an old one
	r.Header.Set(tenant.HeaderWebhookSignature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	receive(httptest.NewRecorder(), r)
	// Output: tenant: the webhook's time is out of tolerance
}
