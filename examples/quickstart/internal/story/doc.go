// Package story plays what the quick start is about against the running program, as
// the people and programs who would do it: the owner of an organisation, the
// product's staff, the identity provider, and people who sign in. Everything goes over
// HTTP.
package story
