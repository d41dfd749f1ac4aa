// Package peerbench measures the SCIM handler on the memory store beside a peer,
// github.com/elimity-com/scim, in one run: both behind net/http on loopback, with the
// same users, the same requests and the same clients, in turn. It is a module of its
// own, so that the peer stays out of the root module.
//
//	go test -C scim/internal/peerbench -bench . -run '^$'
//
// BenchmarkPeers prints requests per second, the ratios of the rounds and what one
// request allocates in the server. Absolute figures belong to the machine; the ratios
// carry over.
//
// BenchmarkSize prints what the same request costs in a small and in a large tenant.
//
// # What is compared
//
// Ours is what a host mounts: API keys of tenant.Service, the rate limit (on, with an
// allowance that nobody reaches), provisioning.Policy with a verified domain, and an
// event in the journal for each change. The engine that reads the journal is not run:
// it works beside requests, and the peer has nothing like it.
//
// The peer is a library without a store, so what it runs on is written here (the type
// collection), twice:
//
//   - naive keeps all that a group has, its members too, in the group's attributes,
//     and answers a filter by asking the peer's own PassesFilter about one resource after
//     the other.
//   - indexed answers userName eq and externalId eq from a map, keeps members as a set
//     beside the group, and leaves them out of an answer when the request excludes them,
//     which the peer itself does not do.
//
// Both keep resources by ID and in the order of creation, so that a page costs the same
// at any depth; both refuse a second user of one name from a map, hold a lock only while
// they look up or store, and never change a map that was handed out. They check no key,
// ask no policy, keep no journal, and let the last writer win.
package peerbench
