// Package host is the small on-call product that the examples play: it has
// organisations, users, teams, roles and sessions of its own, in its own tables. It
// stands for the application that imports tenantgate, and shows which part of the work
// stays with it.
package host
