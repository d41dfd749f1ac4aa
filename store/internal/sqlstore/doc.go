// Package sqlstore is what the SQL adapters share: transactions with savepoints and
// retries, the translation of conditions, encodings of columns, migrations, and the
// contracts whose statements are the same in every dialect.
//
// Statements are written with $1, $2, … for both dialects; a dialect that marks
// parameters otherwise says so in [Dialect.Mark].
package sqlstore
