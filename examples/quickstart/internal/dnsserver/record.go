package dnsserver

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// ErrName says that something is no domain name.
var ErrName = errors.New("dnsserver: not a domain name")

const (
	ttl       = 1   // seconds: a demonstration changes records and asks again
	maxString = 255 // bytes of one character string (RFC 1035 section 3.3.14)
	maxTXT    = 32 << 10
)

// records are the TXT values by canonical name.
type records struct {
	mu  sync.RWMutex
	txt map[string][]string
}

// SetTXT replaces the TXT records of a name by these values, one record each; a value longer than 255 bytes becomes
// several strings of one record, which resolvers join again. No value at all keeps the name, with no TXT record. The
// error matches [ErrName] if name is no domain name; a value may have at most 32 KiB.
func (s *Server) SetTXT(name string, values ...string) error {
	key, err := canonical(name)
	if err != nil {
		return err
	}
	total := 0
	for _, v := range values {
		total += len(v)
	}
	if total > maxTXT {
		return fmt.Errorf("dnsserver: TXT values of %s have %d bytes, at most %d fit into an answer", name, total, maxTXT)
	}
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	if s.records.txt == nil {
		s.records.txt = map[string][]string{}
	}
	s.records.txt[key] = slices.Clone(values)
	return nil
}

// Remove forgets a name, so that it is answered with NXDOMAIN. A name that isn't known is no error.
func (s *Server) Remove(name string) {
	key, err := canonical(name)
	if err != nil {
		return
	}
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	delete(s.records.txt, key)
}

// Records returns a copy of all TXT values by name, in lower case with a dot at the end.
func (s *Server) Records() map[string][]string {
	s.records.mu.RLock()
	defer s.records.mu.RUnlock()
	out := maps.Clone(s.records.txt)
	for name := range out {
		out[name] = slices.Clone(out[name])
	}
	return out
}

// lookup returns a name's values and whether the name exists: by itself, or because a name below it does.
func (s *Server) lookup(name string) (values []string, exists bool) {
	s.records.mu.RLock()
	defer s.records.mu.RUnlock()
	if values, exists = s.records.txt[name]; exists {
		return values, true
	}
	for known := range s.records.txt {
		if dns.IsSubDomain(name, known) {
			return nil, true
		}
	}
	return nil, false
}

func canonical(name string) (string, error) {
	if _, ok := dns.IsDomainName(name); !ok || strings.Trim(name, ".") == "" || strings.ContainsAny(name, " \t\r\n\\") {
		return "", fmt.Errorf("%w: %q", ErrName, name)
	}
	return dns.CanonicalName(name), nil
}

// serve answers one question.
func (s *Server) serve(w dns.ResponseWriter, query *dns.Msg) {
	answer := new(dns.Msg)
	defer func() { w.WriteMsg(answer) }() //nolint:errcheck // the client went away
	if query.Opcode != dns.OpcodeQuery || len(query.Question) != 1 || query.Question[0].Qclass != dns.ClassINET {
		answer.SetRcode(query, dns.RcodeNotImplemented)
		return
	}
	answer.SetReply(query)
	answer.Authoritative = true
	question := query.Question[0]
	values, exists := s.lookup(dns.CanonicalName(question.Name))
	if !exists {
		answer.Rcode = dns.RcodeNameError
	}
	if question.Qtype == dns.TypeTXT || question.Qtype == dns.TypeANY {
		for _, v := range values {
			answer.Answer = append(answer.Answer, &dns.TXT{
				Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: ttl},
				Txt: characterStrings(v),
			})
		}
	}
	if len(answer.Answer) == 0 {
		// RFC 2308: without an SOA a resolver can't tell NODATA from a referral.
		answer.Ns = []dns.RR{&dns.SOA{
			Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: ttl},
			Ns:  "ns.invalid.", Mbox: "nobody.invalid.", Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: ttl,
		}}
	}
	size := dns.MinMsgSize
	if opt := query.IsEdns0(); opt != nil {
		size = max(size, int(opt.UDPSize()))
		answer.SetEdns0(uint16(size), false)
	}
	if w.RemoteAddr().Network() != "udp" {
		size = dns.MaxMsgSize
	}
	answer.Truncate(size)
}

// characterStrings cuts a value into strings of at most 255 bytes, escaped as the DNS library wants them: it reads a
// backslash in a TXT string as the beginning of an escape.
func characterStrings(value string) []string {
	out := []string{}
	for {
		n := min(len(value), maxString)
		out = append(out, strings.ReplaceAll(value[:n], `\`, `\\`))
		if value = value[n:]; value == "" {
			return out
		}
	}
}
