package idp_test

import (
	"fmt"

	"github.com/tenantgate/tenantgate/examples/quickstart/internal/idp"
)

func ExampleNew() {
	p, err := idp.New(idp.Config{
		BaseURL: "http://127.0.0.1:8081",
		Directories: []idp.DirectoryConfig{{
			Slug: "acme", Name: "Acme",
			Users:  []idp.User{{Email: "ada@acme.example", Password: "demo", GivenName: "Ada", FamilyName: "Lovelace"}},
			Groups: []idp.Group{{Name: "SRE", Members: []string{"ada@acme.example"}}},
			Client: idp.Client{ID: "tenantgate", Secret: "a-secret-for-the-demonstration"},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	acme, _ := p.Directory("acme")
	fmt.Println(acme.Issuer(), acme.Groups()[0].Members)
	// Output: http://127.0.0.1:8081/acme [ada@acme.example]
}
