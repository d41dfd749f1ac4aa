// Package filtertest compares, on random data and random filters, what a SCIM
// handler answers with what RFC 7644 section 3.4.2.2 says: on a store that looks
// filters up, on one that leaves them to the handler, on one that does a part, and
// in an evaluator of its own that shares no code with package scim.
//
//	filtertest.Run(t, memory.New(), handler, filtertest.Options{})
//
// The evaluator is small, slow and obvious. It works on the tree that the
// generator made, not on the filter's text, on resources as a GET returns them,
// and on the types and case rules that the Schemas endpoint publishes. A filter on
// which the answers differ is made smaller as long as they do, and then printed
// with the resource, the answers and the seed.
//
// FILTERTEST_SEED sets the seed of all tests, FILTERTEST_FILTERS how many filters
// each round tries.
//
// The rules that the RFCs leave open, and how the evaluator reads them:
//
//   - The values of a.b are those of b in all values of a. A comparison holds if it
//     holds for one of them. "ne" also holds, and all others fail, if there is none.
//   - A complex attribute that is compared stands for its sub-attribute value.
//   - "eq null" is "not pr", and "ne null" is "pr", of the attribute that is named.
//   - a[f].b op v holds if one value of a passes both f and "b op v".
//   - Strings and references are compared by store.Fold unless the schema says
//     caseExact; binaries are always exact (RFC 7643 section 2.3.6). Their order is
//     that of bytes.
//   - Numbers are compared exactly, times as points in time; without a zone they are
//     UTC. co, sw and ew look at the text of a time.
//   - Without sortBy, and where its values are equal, the order is that of IDs.
package filtertest
