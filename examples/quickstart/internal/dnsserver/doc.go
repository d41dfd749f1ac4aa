// Package dnsserver is a small authoritative DNS server for TXT records that are set while it runs. The quick start
// proves a domain with it, over real DNS packets and without the Internet:
//
//	dns, err := dnsserver.Start("127.0.0.1:0")
//	defer dns.Close()
//	dns.SetTXT("_tenantgate-challenge.acme.example", "tenantgate-verification=…")
//	values, err := dns.Resolver().LookupTXT(ctx, "_tenantgate-challenge.acme.example")
//
// It answers NXDOMAIN for a name that it doesn't know, an empty answer (NODATA) for another record type of a name that
// it knows and for the names above it (RFC 8020), and cuts UDP answers to what the client takes, so that it asks again over TCP.
//
// # Security
//
// It believes whoever calls its methods and answers whoever asks: keep it on loopback. It forwards nothing.
//
// # Compatibility
//
// Any resolver can ask it. It speaks plain DNS over UDP and TCP at one port, without DNSSEC.
package dnsserver
