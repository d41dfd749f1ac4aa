package dnsserver

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func start(t *testing.T) *Server {
	t.Helper()
	s, err := Start("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func requireNotFound(t *testing.T, err error) {
	t.Helper()
	var dnsErr *net.DNSError
	require.ErrorAs(t, err, &dnsErr)
	require.True(t, dnsErr.IsNotFound, "%v", err)
}

func TestLookupTXT(t *testing.T) {
	s := start(t)
	long := strings.Repeat("0123456789", 60)
	for name, values := range map[string][]string{
		"_tenantgate-challenge.acme.example": {"tenantgate-verification=abc"},
		"Two.Example.":                       {"first", "second"},
		"long.example":                       {long},
		"odd.example":                        {`a "quoted" \ back\\slash \000 ü;=`},
		"empty.example":                      {""},
		"many.example":                       {long + "1", long + "2", long + "3", long + "4"}, // more than UDP takes: asked again over TCP
	} {
		require.NoError(t, s.SetTXT(name, values...))
		got, err := s.Resolver().LookupTXT(t.Context(), strings.ToUpper(name))
		require.NoError(t, err, name)
		require.ElementsMatch(t, values, got, name)
	}
}

func TestSetReplacesAndRemoveForgets(t *testing.T) {
	s := start(t)
	const name = "acme.example"
	_, err := s.Resolver().LookupTXT(t.Context(), name)
	requireNotFound(t, err)

	require.NoError(t, s.SetTXT(name, "old", "older"))
	require.NoError(t, s.SetTXT("ACME.example.", "new"))
	got, err := s.Resolver().LookupTXT(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, []string{"new"}, got)
	require.Equal(t, map[string][]string{"acme.example.": {"new"}}, s.Records())

	s.Remove("Acme.Example")
	s.Remove("not a name")
	_, err = s.Resolver().LookupTXT(t.Context(), name)
	requireNotFound(t, err)
}

func TestAnswerCodes(t *testing.T) {
	s := start(t)
	require.NoError(t, s.SetTXT("_challenge.acme.example", "x"))
	require.NoError(t, s.SetTXT("bare.example"))
	for _, tt := range []struct {
		name    string
		qtype   uint16
		rcode   int
		answers int
	}{
		{"_challenge.acme.example.", dns.TypeTXT, dns.RcodeSuccess, 1},
		{"_challenge.acme.example.", dns.TypeANY, dns.RcodeSuccess, 1},
		{"_challenge.acme.example.", dns.TypeA, dns.RcodeSuccess, 0},
		{"acme.example.", dns.TypeTXT, dns.RcodeSuccess, 0}, // a name above a known one exists
		{"bare.example.", dns.TypeTXT, dns.RcodeSuccess, 0},
		{"other.example.", dns.TypeTXT, dns.RcodeNameError, 0},
		{"sub._challenge.acme.example.", dns.TypeTXT, dns.RcodeNameError, 0},
		{"eacme.example.", dns.TypeTXT, dns.RcodeNameError, 0},
	} {
		for _, network := range []string{"udp", "tcp"} {
			client := dns.Client{Net: network}
			got, _, err := client.ExchangeContext(t.Context(), new(dns.Msg).SetQuestion(tt.name, tt.qtype), s.Addr())
			require.NoError(t, err)
			require.Equal(t, dns.RcodeToString[tt.rcode], dns.RcodeToString[got.Rcode], "%s %d", tt.name, tt.qtype)
			require.Len(t, got.Answer, tt.answers)
			require.True(t, got.Authoritative)
			require.Equal(t, tt.answers == 0, len(got.Ns) == 1, "an SOA goes with every negative answer")
		}
	}
	chaos := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	got, err := dns.Exchange(chaos, s.Addr())
	require.NoError(t, err)
	require.Equal(t, dns.RcodeNotImplemented, got.Rcode)
}

func TestTruncatesForUDP(t *testing.T) {
	s := start(t)
	require.NoError(t, s.SetTXT("big.example", strings.Repeat("x", 5000)))
	client := dns.Client{Net: "udp"}
	got, _, err := client.ExchangeContext(t.Context(), new(dns.Msg).SetQuestion("big.example.", dns.TypeTXT), s.Addr())
	require.NoError(t, err)
	require.True(t, got.Truncated)
	client.Net = "tcp"
	got, _, err = client.ExchangeContext(t.Context(), new(dns.Msg).SetQuestion("big.example.", dns.TypeTXT), s.Addr())
	require.NoError(t, err)
	require.False(t, got.Truncated)
	require.Len(t, got.Answer, 1)
}

func TestRefusesNamesAndSizes(t *testing.T) {
	s := start(t)
	for _, name := range []string{"", ".", "a..b", "a b.example", `a\000.example`, strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 200)} {
		require.ErrorIs(t, s.SetTXT(name, "x"), ErrName, "%q", name)
	}
	err := s.SetTXT("acme.example", strings.Repeat("x", maxTXT+1))
	require.ErrorContains(t, err, "32768")
	require.False(t, errors.Is(err, ErrName))
	require.Empty(t, s.Records())
}

func TestStartRefusesBadAndTakenAddresses(t *testing.T) {
	s := start(t)
	_, err := Start(s.Addr())
	require.ErrorContains(t, err, s.Addr())
	_, err = Start("127.0.0.1")
	require.ErrorContains(t, err, "host:port")

	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer udp.Close()
	_, err = Start(udp.LocalAddr().String())
	require.ErrorContains(t, err, "UDP")
	tcp, err := net.Listen("tcp", udp.LocalAddr().String())
	require.NoError(t, err, "a failed Start leaves nothing open")
	require.NoError(t, tcp.Close())
}

func TestCloseEndsAnswersAndFreesThePort(t *testing.T) {
	s := start(t)
	require.NoError(t, s.SetTXT("acme.example", "x"))
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err := s.Resolver().LookupTXT(t.Context(), "acme.example")
	require.Error(t, err)
	again, err := Start(s.Addr())
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

func TestConcurrentUse(t *testing.T) {
	s := start(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				assert.NoError(t, s.SetTXT("acme.example", "x"))
				got, err := s.Resolver().LookupTXT(t.Context(), "acme.example")
				if err == nil {
					assert.Equal(t, []string{"x"}, got)
				}
				s.Remove("acme.example")
			}
		})
	}
	wg.Wait()
}
