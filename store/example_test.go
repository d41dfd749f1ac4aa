package store_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

func ExampleNewID() {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	first, second := store.NewID(now), store.NewID(now)
	fmt.Println(len(first), first[14:15], first < second)
	// Output: 36 7 true
}

func ExampleFold() {
	fmt.Println(store.Fold("Ada@Example.COM") == store.Fold("ada@example.com"))
	// Output: true
}

func ExampleMatches() {
	ada := store.SCIMUser{UserName: "Ada@example.com", Active: true}
	fmt.Println(store.Matches(store.And{
		store.Compare{Attr: store.AttrUserName, Op: store.Sw, Value: "ada@"},
		store.Compare{Attr: store.AttrActive, Op: store.Eq, Value: "true"},
	}, ada.Values))
	// Output: true
}

func ExampleDeleteExpired() {
	ctx, st := context.Background(), memory.New()
	n, err := store.DeleteExpired(ctx, st, time.Now()) // a host does this every hour
	fmt.Println(n, err)
	// Output: 0 <nil>
}

func ExampleInTxThen() {
	ctx, st := context.Background(), memory.New()
	err := store.InTxThen(ctx, st, func(tx store.Store) (func(tx store.Store) error, error) {
		known, err := store.FindSignIn(ctx, tx, "acme", store.SignInQuery{
			ConnectionID: "c1", Issuer: "https://idp.example", Subject: "s1", Email: "ada@acme.example",
		})
		if err != nil {
			return nil, err
		}
		fmt.Println("linked before:", known.Identity.ID != "")
		// The only write, so that no transaction is needed around it.
		return func(tx store.Store) error {
			return tx.AppendEvents(ctx, "acme", store.Event{ID: store.NewID(time.Now()), Type: "host.looked", At: time.Now()})
		}, nil
	})
	events, _ := st.Events(ctx, "acme", store.EventQuery{})
	fmt.Println(err, len(events))
	// Output:
	// linked before: false
	// <nil> 1
}

// A host counts a tenant's changes in the transaction that makes them.
func ExampleWithEventHook() {
	changes := 0
	st := store.WithEventHook(memory.New(), store.EventHookConfig{
		Hook: store.EventHookFunc(func(_ context.Context, _ store.Store, tenantID string, events []store.Event) error {
			changes += len(events) // a host on SQL takes the transaction with sqlite.SQLTx or postgres.SQLTx, and writes its own rows
			fmt.Println(tenantID, events[0].Type)
			return nil
		}),
	})
	now := time.Now()
	err := st.AppendEvents(context.Background(), "acme", store.Event{ID: store.NewID(now), Type: "host.thing.done", At: now})
	fmt.Println(changes, err)
	// Output:
	// acme host.thing.done
	// 1 <nil>
}
