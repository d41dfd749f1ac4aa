package tenant

import (
	"net/netip"
	"slices"
)

// Networks that a customer's URL may not reach: the IANA special-purpose registries
// (RFC 6890) and what cloud providers answer metadata at.
var (
	blockedIPv4 = prefixes(
		"0.0.0.0/8",        // this network, unspecified
		"10.0.0.0/8",       // private
		"100.64.0.0/10",    // carrier-grade NAT; Alibaba's metadata
		"127.0.0.0/8",      // loopback
		"168.63.129.16/32", // Azure's platform services
		"169.254.0.0/16",   // link-local; metadata
		"172.16.0.0/12",    // private
		"192.0.0.0/24",     // protocol assignments; Oracle's metadata
		"192.0.2.0/24",     // documentation
		"192.88.99.0/24",   // 6to4 relays
		"192.168.0.0/16",   // private
		"198.18.0.0/15",    // benchmarking
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"224.0.0.0/4",      // multicast
		"240.0.0.0/4",      // reserved, broadcast
	)
	// Within globalIPv6, which is all that is routed.
	blockedIPv6 = prefixes(
		"2001::/23",     // protocol assignments, Teredo, ORCHID
		"2001:db8::/32", // documentation
		"3fff::/20",     // documentation
	)
	globalIPv6 = netip.MustParsePrefix("2000::/3")
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// publicAddress reports whether ip is an ordinary address of the public Internet. An
// IPv6 address that carries an IPv4 address is judged by that one.
func publicAddress(ip netip.Addr) bool {
	if !ip.IsValid() || ip.Zone() != "" {
		return false
	}
	ip = ip.Unmap()
	if ip.Is4() {
		return !inPrefixes(ip, blockedIPv4)
	}
	b := ip.As16()
	switch {
	case nat64.Contains(ip):
		return publicAddress(netip.AddrFrom4([4]byte(b[12:16])))
	case sixToFour.Contains(ip):
		return publicAddress(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return globalIPv6.Contains(ip) && !inPrefixes(ip, blockedIPv6)
}

// isLoopback reports whether ip is this machine, also as an IPv4-mapped address.
func isLoopback(ip netip.Addr) bool { return ip.Unmap().IsLoopback() }

func inPrefixes(ip netip.Addr, list []netip.Prefix) bool {
	ip = ip.Unmap()
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(ip) })
}
