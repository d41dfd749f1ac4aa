package dnsserver_test

import (
	"context"
	"fmt"

	"github.com/tenantgate/tenantgate/examples/quickstart/internal/dnsserver"
)

func ExampleStart() {
	dns, err := dnsserver.Start("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer dns.Close()
	if err := dns.SetTXT("_tenantgate-challenge.acme.example", "tenantgate-verification=abc"); err != nil {
		fmt.Println(err)
		return
	}
	values, err := dns.Resolver().LookupTXT(context.Background(), "_tenantgate-challenge.acme.example")
	fmt.Println(values, err)
	// Output: [tenantgate-verification=abc] <nil>
}
