package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Server is a DNS server that runs. All methods may be called concurrently.
type Server struct {
	addr    string
	servers []*dns.Server
	running sync.WaitGroup
	records records
}

// bindAttempts is how often Start looks for a port that is free for UDP and TCP both.
const bindAttempts = 10

// Start listens at addr, such as 127.0.0.1:5353, for UDP and TCP, and answers until Close. Port 0 picks a port that
// both have free. It returns once the server answers.
func Start(addr string) (*Server, error) {
	packets, listener, err := listen(addr)
	if err != nil {
		return nil, err
	}
	s := &Server{addr: listener.Addr().String()}
	handler := dns.HandlerFunc(s.serve)
	for _, server := range []*dns.Server{
		{PacketConn: packets, Handler: handler},
		{Listener: listener, Handler: handler},
	} {
		up := make(chan struct{})
		server.NotifyStartedFunc = func() { close(up) }
		s.servers = append(s.servers, server)
		failed := make(chan error, 1)
		s.running.Go(func() { failed <- server.ActivateAndServe() })
		select {
		case <-up:
		case err := <-failed:
			packets.Close()
			listener.Close()
			return nil, fmt.Errorf("dnsserver: serve at %s: %w", s.addr, err)
		}
	}
	return s, nil
}

// listen opens both sockets at one port. With port 0 the system picks the TCP port, which may be taken for UDP; then
// it tries another one.
func listen(addr string) (net.PacketConn, net.Listener, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, fmt.Errorf("dnsserver: address %q has to be host:port, such as 127.0.0.1:0: %w", addr, err)
	}
	attempts := 1
	if n, err := strconv.Atoi(port); err == nil && n == 0 {
		attempts = bindAttempts
	}
	var failure error
	var config net.ListenConfig
	ctx := context.Background() // opening a socket on loopback doesn't wait
	for range attempts {
		listener, err := config.Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, nil, fmt.Errorf("dnsserver: listen for TCP at %s: %w", addr, err)
		}
		packets, err := config.ListenPacket(ctx, "udp", listener.Addr().String())
		if err == nil {
			return packets, listener, nil
		}
		listener.Close()
		failure = err
	}
	return nil, nil, fmt.Errorf("dnsserver: listen for UDP at %s: %w", addr, failure)
}

// Addr is host and port at which the server answers.
func (s *Server) Addr() string { return s.addr }

// Close ends the server and waits until nothing of it runs. A second call does nothing.
func (s *Server) Close() error {
	var errs []error
	for _, server := range s.servers {
		if err := server.Shutdown(); err != nil && !alreadyStopped(err) {
			errs = append(errs, err)
		}
	}
	s.running.Wait()
	return errors.Join(errs...)
}

// alreadyStopped tells the error of a second Shutdown, for which the DNS library has no variable.
func alreadyStopped(err error) bool { return err.Error() == "dns: server not started" }

// Resolver looks names up at this server alone. It reads the address when it is called, so it stays good after Close
// only as something that fails.
func (s *Server) Resolver() *net.Resolver {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, s.addr)
		},
	}
}
