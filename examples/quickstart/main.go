// Command quickstart is a small on-call product with enterprise sign-on: the product,
// an identity provider to try it with, and tenantgate between them, in one program.
//
//	go run -C examples ./quickstart
//
// It needs nothing but Go. With -demo it plays the whole story against itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = start(ctx, o, stdout)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return 0 // somebody pressed Ctrl-C while it started
	}
	if err != nil {
		fmt.Fprintln(stderr, "quickstart: "+oneLine(err))
		return 1
	}
	return 0
}

// start runs the program until ctx ends, or until the demo has ended.
func start(ctx context.Context, o options, stdout io.Writer) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	// Ports first: a taken one is the likeliest mistake, and nothing is made yet.
	l, err := listen(ctx, o)
	if err != nil {
		return err
	}
	defer l.close()
	db, err := openDatabase(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()

	p, err := assemble(ctx, o, l, db)
	if err != nil {
		return err
	}
	stopped := p.serve(ctx, l)
	defer func() { cancel(); err = errors.Join(err, <-stopped) }()

	seeded, err := p.seed(ctx)
	if err != nil {
		return err
	}
	if err := announce(stdout, o, p, seeded); err != nil {
		return err
	}
	if o.demo {
		return playDemo(ctx, p, stdout)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-stopped:
		return err
	}
}
