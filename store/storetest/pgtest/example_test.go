//go:build unix

package pgtest_test

import (
	"fmt"

	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
)

// A test begins with pgtest.Start(t), which skips where PostgreSQL is missing; a program
// asks for the error.
func ExampleNew() {
	server, err := pgtest.New()
	if err != nil {
		fmt.Println(err) // says what to install
		return
	}
	defer server.Close()
	fmt.Println(server.DSN())
}
