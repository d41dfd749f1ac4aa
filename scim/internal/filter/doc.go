// Package filter parses the two small languages of SCIM, the filter of
// RFC 7644 section 3.4.2.2 and the attribute path of section 3.5.2, into the
// expression types of github.com/scim2/filter-parser/v2.
//
// The parser faces the network, so it is bounded: input longer than
// [Parser.MaxBytes] and nesting deeper than [Parser.MaxDepth] are refused
// before they cost anything. Strings are decoded as JSON strings, the bracket
// filter takes all of the grammar (terms, groups and negations), schema URNs
// are those the server registered (longest first, in any case), and an error
// names the position and what was expected there.
//
// What the expression types can't hold is rewritten:
// x[f].sub op v becomes x[f and sub op v], and a path that is a schema URN
// alone has an empty attribute name.
package filter
