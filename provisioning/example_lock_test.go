package provisioning_test

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// lockedOrg is an organisation whose directory manages the user u2.
func lockedOrg(ctx context.Context) (*memory.Store, *provisioning.Locks, error) {
	st := memory.New()
	meta := func(id string) store.Meta { return store.Meta{ID: id} }
	if _, err := st.CreateConnection(ctx, "acme", store.Connection{Meta: meta("c1"), Name: "Okta", State: store.ConnectionActive}); err != nil {
		return nil, nil, err
	}
	if _, err := st.CreateDirectory(ctx, "acme", store.Directory{Meta: meta("d1"), ConnectionID: "c1", Enabled: true}); err != nil {
		return nil, nil, err
	}
	if _, err := st.CreateSCIMUser(ctx, "acme", store.SCIMUser{Meta: meta("s1"), UserName: "ada@acme.example", Active: true}); err != nil {
		return nil, nil, err
	}
	if _, err := st.CreateAccount(ctx, "acme", store.Account{Meta: meta("u2"), Source: store.SourceSCIM, SCIMUserID: "s1", Active: true}); err != nil {
		return nil, nil, err
	}
	locks, err := provisioning.NewLocks(provisioning.LocksConfig{Store: st})
	return st, locks, err
}

// A route of the host's API refuses what is locked before its handler runs.
func ExampleLocks_Guard() {
	_, locks, err := lockedOrg(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := locks.Guard(provisioning.GuardConfig{
		Changes: func(r *http.Request) (string, []provisioning.Change, error) {
			fields, err := provisioning.JSONFields(r, 0)
			user := provisioning.Resource{Kind: provisioning.ResourceUser, AccountID: r.PathValue("id")}
			var changes []provisioning.Change
			for _, field := range fields {
				changes = append(changes, provisioning.Change{Resource: user, Field: field, Op: provisioning.OpUpdate})
			}
			return "acme", changes, err // the organisation of the host's own session
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("PATCH /users/{id}", guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "saved")
	})))
	for _, body := range []string{`{"avatar":"cat.png"}`, `{"email":"ada@lovelace.example"}`} {
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, httptest.NewRequest(http.MethodPatch, "/users/u2", strings.NewReader(body)))
		fmt.Println(rec.Code, rec.Header().Get("Content-Type"))
	}
	// Output:
	// 200 text/plain; charset=utf-8
	// 409 application/problem+json
}

// A host that must not lose a race with a sync asks in the transaction in which it writes.
func ExampleLocks_RequireTx() {
	ctx := context.Background()
	st, locks, err := lockedOrg(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = st.InTx(ctx, func(tx store.Store) error {
		user := provisioning.Resource{Kind: provisioning.ResourceUser, AccountID: "u2"}
		if err := locks.RequireTx(ctx, tx, "acme", provisioning.Change{Resource: user, Op: provisioning.OpDelete}); err != nil {
			return err
		}
		return nil // the host deletes the user here
	})
	problem, locked := provisioning.ProblemOf(err, "de")
	fmt.Println(locked, problem.Status, problem.Code)
	fmt.Println(problem.Detail)
	// Output:
	// true 409 resource_locked
	// Diese Person wird von Okta verwaltet. Entfernen Sie die Person bei Okta; der Zugang endet mit der nächsten Synchronisierung.
}

// A page of the host's shows the icon beside what is locked.
func ExampleLockFuncs() {
	ctx := context.Background()
	_, locks, err := lockedOrg(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	lock, err := locks.Check(ctx, "acme", provisioning.Resource{Kind: provisioning.ResourceUser, AccountID: "u2"}, "email", provisioning.OpUpdate)
	if err != nil {
		fmt.Println(err)
		return
	}
	page := template.Must(template.New("").Funcs(provisioning.LockFuncs("en")).Parse(
		`<input name="email" {{if .Locked}}readonly{{end}}>{{lockIcon . "email"}}`))
	var b strings.Builder
	if err := page.Execute(&b, lock); err != nil {
		fmt.Println(err)
		return
	}
	_, text, _ := strings.Cut(b.String(), `role="tooltip" popover>`)
	fmt.Fprintln(os.Stdout, strings.TrimSuffix(text, "</span>"))
	// Output: This user is managed by Okta. Change it in Okta; the next sync updates this page.
}

// A bulk operation does what it may, and says what it left.
func ExampleLocks_Split() {
	ctx := context.Background()
	_, locks, err := lockedOrg(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	ids := []string{"u1", "u2", "u3"}
	var changes []provisioning.Change
	for _, id := range ids {
		changes = append(changes, provisioning.Change{Resource: provisioning.Resource{Kind: provisioning.ResourceUser, AccountID: id}, Op: provisioning.OpDelete})
	}
	allowed, refused, err := locks.Split(ctx, "acme", changes)
	for _, i := range allowed {
		fmt.Println("delete", ids[i])
	}
	for _, r := range refused {
		fmt.Println("left", ids[r.Index]+":", r.Lock.Reason)
	}
	fmt.Println(err)
	// Output:
	// delete u1
	// delete u3
	// left u2: This user is managed by Okta.
	// <nil>
}
