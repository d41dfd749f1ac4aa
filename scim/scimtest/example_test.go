package scimtest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/tenantgate/tenantgate/scim/scimtest"
)

func ExampleRun() {
	TestSCIM := func(t *testing.T) { // in a file of yours that ends in _test.go
		baseURL, token := startMyServer(t)
		scimtest.Run(t, scimtest.Config{BaseURL: baseURL, Token: token, UserDomain: "acme.example"})
	}
	_ = TestSCIM
}

func ExampleCheck() {
	report, err := scimtest.Check(context.Background(), scimtest.Config{
		BaseURL: "http://127.0.0.1:8080/scim/v2/acme", Token: "sk_demo", Providers: []scimtest.Provider{scimtest.Google},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.OK())
	fmt.Print(report.Scripts[0])
}

// startMyServer stands for how you start your application in a test.
func startMyServer(*testing.T) (baseURL, token string) {
	return "http://127.0.0.1:8080/scim/v2/acme", "sk_demo"
}
