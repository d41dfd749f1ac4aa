package provisioning_test

import (
	"context"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

func (a *app) Owners(context.Context, store.Store, string) ([]string, error) {
	return []string{"u1"}, nil
}

// A page of one person shows the sentences, or makes its own of the data.
func ExampleEngine_Explain() {
	engine, owner, err := planned()
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := engine.Explain(context.Background(), owner, "acme", "u1")
	fmt.Print(x.Text())
	fmt.Println(x.OrgRole.Wins, err)
	// Output:
	// root@acme.example created the organisation; directories leave the account alone.
	// The role in the organisation is owner.
	// By hand: owner.
	// This account created the organisation: directories and groups leave it alone.
	// manual <nil>
}
