package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/tenantgate/tenantgate/examples/quickstart/internal/dnsserver"
)

// listeners are what the program listens on.
type listeners struct {
	app, idp net.Listener
	dns      *dnsserver.Server
}

func listen(ctx context.Context, o options) (_ *listeners, err error) {
	l := &listeners{}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.app, err = listenTCP(ctx, "-addr", o.addr); err != nil {
		return nil, err
	}
	if l.idp, err = listenTCP(ctx, "-idp-addr", o.idpAddr); err != nil {
		return nil, err
	}
	if l.dns, err = dnsserver.Start("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("can't start the DNS server on loopback: %w", err)
	}
	return l, nil
}

func listenTCP(ctx context.Context, name, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s %s is taken by another program: stop that one, or choose another port (0 picks a free one)", name, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("can't listen on %s %s: %w; choose another address", name, addr, err)
	}
	return l, nil
}

func (l *listeners) close() {
	if l.app != nil {
		_ = l.app.Close()
	}
	if l.idp != nil {
		_ = l.idp.Close()
	}
	if l.dns != nil {
		_ = l.dns.Close()
	}
}
