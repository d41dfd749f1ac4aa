package sqlstore

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Migration is one step of the schema.
type Migration struct {
	Version    int
	Name       string
	Statements []string
}

// Migrations reads the steps from files named like 0001_first.sql, in their order. They
// must be numbered from 1 without gaps.
func Migrations(files fs.FS) ([]Migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	steps := make([]Migration, len(names))
	for i, name := range names {
		number, label, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(name, "migrations/"), ".sql"), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("store: migration %s should have the number %d", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		steps[i] = Migration{Version: version, Name: label, Statements: Statements(string(text))}
	}
	return steps, nil
}

// Statements splits a file into statements, each of which ends with a semicolon at the
// end of a line: not every driver runs several at once. Lines that begin with -- are
// comments.
func Statements(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			lines = append(lines, line)
		}
	}
	var statements []string
	for s := range strings.SplitSeq(strings.Join(lines, "")+"\n", ";\n") {
		if s = strings.TrimSpace(s); s != "" {
			statements = append(statements, s)
		}
	}
	return statements
}

// CheckVersion compares the version of a schema with the one that this code needs.
// Zero means that there is no schema.
func CheckVersion(pkg string, have, want int) error {
	switch {
	case have == want:
		return nil
	case have == 0:
		return fmt.Errorf("%s: the database has no tenantgate tables; call %s.Migrate first", pkg, pkg)
	case have < want:
		return fmt.Errorf("%s: the tables are of version %d, this code needs %d; call %s.Migrate first", pkg, have, want, pkg)
	}
	return fmt.Errorf("%s: the tables are of version %d, which is newer than this code's %d; deploy the newer tenantgate, or restore the database from before the upgrade", pkg, have, want)
}
