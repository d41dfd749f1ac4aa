package memory_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

func ExampleNew() {
	ctx := context.Background()
	st := memory.New()

	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	ada := store.SCIMUser{
		Meta:     store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now},
		UserName: "ada@example.com", Active: true, Body: []byte(`{}`),
	}
	ada, err := st.CreateSCIMUser(ctx, "acme", ada)
	fmt.Println(ada.Version, err)

	_, err = st.SCIMUser(ctx, "globex", ada.ID)
	fmt.Println(errors.Is(err, store.ErrNotFound))
	// Output:
	// 1 <nil>
	// true
}
