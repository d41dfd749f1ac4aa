package tenant

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

const (
	challenge = "_tenantgate-challenge.acme.com"
	proofText = "tenantgate-verification=tok123"
)

func TestDNSValidator(t *testing.T) {
	claim := DomainClaim{TenantID: "t1", Name: "acme.com", Token: "tok123"}
	tests := []struct {
		name  string
		set   func(s *dnsServer)
		code  string
		says  string
		claim DomainClaim
	}{
		{name: "right", code: CodeDomainProven, set: func(s *dnsServer) { s.txt[challenge] = [][]string{{proofText}} }},
		{name: "among others", code: CodeDomainProven, set: func(s *dnsServer) {
			s.txt[challenge] = [][]string{{"v=spf1 -all"}, {"tenantgate-verification=old"}, {proofText}}
		}},
		{name: "split strings", code: CodeDomainProven, set: func(s *dnsServer) { s.txt[challenge] = [][]string{{"tenantgate-", "verification=", "tok123"}} }},
		{name: "quoted by the form", code: CodeDomainProven, set: func(s *dnsServer) { s.txt[challenge] = [][]string{{` "` + proofText + `" `}} }},
		{name: "CNAME", code: CodeDomainProven, set: func(s *dnsServer) {
			s.cname[challenge] = "proofs.example.net"
			s.txt["proofs.example.net"] = [][]string{{proofText}}
		}},
		{name: "truncated", code: CodeDomainProven, set: func(s *dnsServer) {
			s.truncUDP = true
			s.txt[challenge] = [][]string{{strings.Repeat("x", 255)}, {strings.Repeat("y", 255)}, {strings.Repeat("z", 255)}, {proofText}}
		}},
		{name: "no record", code: CodeDomainRecordMissing, says: "No TXT record at " + challenge + " yet. DNS changes can take up to 48 hours.", set: func(*dnsServer) {}},
		{name: "name without TXT", code: CodeDomainRecordMissing, set: func(s *dnsServer) { s.txt[challenge] = [][]string{} }},
		{
			name: "other value", code: CodeDomainValueDiffers, says: "expected " + proofText + ", found tenantgate-verification=tok124",
			set: func(s *dnsServer) { s.txt[challenge] = [][]string{{"other"}, {"tenantgate-verification=tok124"}} },
		},
		{name: "token alone", code: CodeDomainValueDiffers, set: func(s *dnsServer) { s.txt[challenge] = [][]string{{"tok123"}} }},
		{name: "other case", code: CodeDomainValueDiffers, set: func(s *dnsServer) { s.txt[challenge] = [][]string{{strings.ToUpper(proofText)}} }},
		{
			name: "at the apex", code: CodeDomainRecordAtApex, says: "The record is at acme.com instead of " + challenge + ".",
			set: func(s *dnsServer) { s.txt["acme.com"] = [][]string{{"v=spf1 -all"}, {proofText}} },
		},
		{
			name: "doubled", code: CodeDomainRecordDoubled, says: challenge + ".acme.com exists: your DNS provider added the domain twice. Enter the short name _tenantgate-challenge.",
			set: func(s *dnsServer) { s.txt[challenge+".acme.com"] = [][]string{{proofText}} },
		},
		{
			name: "zone doubled below", code: CodeDomainRecordDoubled, says: "Enter the short name _tenantgate-challenge.dev.",
			claim: DomainClaim{Name: "dev.acme.com", Token: "tok123"},
			set:   func(s *dnsServer) { s.txt["_tenantgate-challenge.dev.acme.com.acme.com"] = [][]string{{proofText}} },
		},
		{
			name: "SERVFAIL", code: CodeDomainDNSError, says: "SERVFAIL",
			set: func(s *dnsServer) { s.rcode[challenge] = dnsmessage.RCodeServerFailure },
		},
		{name: "REFUSED", code: CodeDomainDNSError, set: func(s *dnsServer) { s.rcode[challenge] = dnsmessage.RCodeRefused }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newDNSServer(t)
			s.set(func() { tt.set(s) })
			v, err := NewDNSValidator(DNSConfig{Server: s.addr})
			require.NoError(t, err)
			c := claim
			if tt.claim.Name != "" {
				c = tt.claim
			}
			proof, err := v.Validate(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, tt.code, proof.Finding.Code, proof.Finding.Message)
			require.Equal(t, tt.code == CodeDomainProven, proof.Proven)
			require.Equal(t, MethodDNS, proof.Method)
			require.Equal(t, !proof.Proven && tt.code != CodeDomainDNSError, proof.Absent)
			require.Contains(t, proof.Finding.Message, tt.says)
			if !proof.Proven {
				require.Equal(t, proofText, proof.Finding.Expected)
				require.Equal(t, SeverityError, proof.Finding.Severity)
			}
			if tt.name == "truncated" {
				s.set(func() { require.NotZero(t, s.overTCP) })
			}
		})
	}
}

func TestDNSValidatorSlow(t *testing.T) {
	t.Parallel()
	s := newDNSServer(t)
	s.set(func() { s.silent[challenge] = true })
	v, err := NewDNSValidator(DNSConfig{Server: s.addr, Timeout: 200 * time.Millisecond})
	require.NoError(t, err)
	proof, err := v.Validate(t.Context(), DomainClaim{Name: "acme.com", Token: "tok123"})
	require.NoError(t, err)
	require.Equal(t, CodeDomainDNSTimeout, proof.Finding.Code)
	require.False(t, proof.Absent)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = v.Validate(ctx, DomainClaim{Name: "acme.com", Token: "tok123"})
	require.ErrorIs(t, err, context.Canceled)
}

func TestDNSValidatorConfig(t *testing.T) {
	_, err := NewDNSValidator(DNSConfig{Server: "dns.example"})
	require.ErrorContains(t, err, "Server")
	_, err = NewDNSValidator(DNSConfig{Label: "a.b"})
	require.ErrorContains(t, err, "Label")

	v, err := NewDNSValidator(DNSConfig{Label: "_x", Prefix: "x="})
	require.NoError(t, err)
	require.Equal(t, []DomainInstruction{{Method: MethodDNS, Type: "TXT", Name: "_x.dev.acme.co.uk", ShortName: "_x.dev", Value: "x=tok"}},
		v.DomainInstructions(DomainClaim{Name: "dev.acme.co.uk", Token: "tok"}))
	_, err = v.Validate(t.Context(), DomainClaim{Name: "acme.com"})
	require.Error(t, err, "an empty token must never prove a domain")
}

// roundTripper answers requests without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestHTTPValidator(t *testing.T) {
	tests := []struct {
		name, body, code string
		status           int
		err              error
		absent           bool
	}{
		{name: "right", status: 200, body: "\ufeffother\r\n " + proofText + " \r\n", code: CodeDomainProven},
		{name: "other", status: 200, body: proofText + "x", code: CodeDomainFileDiffers, absent: true},
		{name: "empty", status: 200, code: CodeDomainFileDiffers, absent: true},
		{name: "large", status: 200, body: strings.Repeat("x\n", maxChallengeFile) + proofText, code: CodeDomainFileDiffers},
		{name: "missing", status: 404, body: proofText, code: CodeDomainFileMissing, absent: true},
		{name: "gone", status: 410, code: CodeDomainFileMissing, absent: true},
		{name: "maintenance", status: 503, body: proofText, code: CodeDomainFileMissing},
		{name: "redirect", status: 302, body: proofText, code: CodeDomainFileMissing},
		{name: "down", err: errors.New("no route"), code: CodeDomainUnreachable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var asked []string
			v, err := NewHTTPValidator(HTTPConfig{HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				asked = append(asked, r.URL.String())
				if tt.err != nil {
					return nil, tt.err
				}
				return &http.Response{StatusCode: tt.status, Header: http.Header{"Location": {"https://evil.example/"}}, Body: io.NopCloser(strings.NewReader(tt.body)), Request: r}, nil
			})}})
			require.NoError(t, err)
			proof, err := v.Validate(t.Context(), DomainClaim{Name: "acme.com", Token: "tok123"})
			require.NoError(t, err)
			require.Equal(t, tt.code, proof.Finding.Code)
			require.Equal(t, tt.code == CodeDomainProven, proof.Proven)
			require.Equal(t, tt.absent, proof.Absent)
			require.Equal(t, []string{"https://acme.com/.well-known/tenantgate-challenge.txt"}, asked)
		})
	}
	_, err := NewHTTPValidator(HTTPConfig{Path: "x"})
	require.ErrorContains(t, err, "Path")
}

func TestHTTPValidatorRefusesPrivateAddresses(t *testing.T) {
	v, err := NewHTTPValidator(HTTPConfig{})
	require.NoError(t, err)
	lines, gone, f := v.fetch(t.Context(), "https://127.0.0.1/.well-known/x")
	require.Empty(t, lines)
	require.False(t, gone, "a refusal of ours says nothing")
	require.Equal(t, CodeDomainUnreachable, f.Code)
}

type fixedValidator struct {
	proof DomainProof
	err   error
}

func (f fixedValidator) Validate(context.Context, DomainClaim) (DomainProof, error) {
	return f.proof, f.err
}

func TestAnyOf(t *testing.T) {
	yes := fixedValidator{proof: DomainProof{Proven: true, Method: "x"}}
	no := fixedValidator{proof: DomainProof{Method: "no", Finding: Finding{Code: "no"}}}
	broken := fixedValidator{err: errors.New("broken")}
	tests := []struct {
		name   string
		of     []DomainValidator
		method string
		proven bool
		fails  bool
	}{
		{"first", []DomainValidator{yes, no}, "x", true, false},
		{"last", []DomainValidator{no, broken, yes}, "x", true, false},
		{"none", []DomainValidator{no, StaffValidator{}}, "no", false, false},
		{"staff alone", []DomainValidator{StaffValidator{}}, MethodStaff, false, false},
		{"broken and no", []DomainValidator{broken, no}, "no", false, false},
		{"all broken", []DomainValidator{broken, broken}, "", false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := AnyOf(tt.of...)
			require.NoError(t, err)
			proof, err := v.Validate(t.Context(), DomainClaim{Name: "acme.com", Token: "t"})
			require.Equal(t, tt.fails, err != nil)
			require.Equal(t, tt.proven, proof.Proven)
			require.Equal(t, tt.method, proof.Method)
		})
	}
	_, err := AnyOf()
	require.Error(t, err)
	_, err = AnyOf(nil)
	require.Error(t, err)

	dns, err := NewDNSValidator(DNSConfig{})
	require.NoError(t, err)
	file, err := NewHTTPValidator(HTTPConfig{})
	require.NoError(t, err)
	v, err := AnyOf(dns, file, StaffValidator{}, yes)
	require.NoError(t, err)
	var types []string
	for _, i := range v.(DomainInstructor).DomainInstructions(DomainClaim{Name: "acme.com", Token: "t"}) {
		types = append(types, i.Type)
	}
	require.Equal(t, []string{"TXT", "FILE", "STAFF"}, types)
}
