package sqlstore

import (
	"context"
	"database/sql"
	"strings"
	"sync"
)

// maxStatements bounds the statements that are kept: those of conditions are made of
// what clients ask for.
const maxStatements = 256

// statements keeps prepared statements by their text. database/sql prepares each
// anew on connections that have not seen it.
type statements struct {
	db   *sql.DB
	mark byte

	mu     sync.RWMutex
	byText map[string]*sql.Stmt
}

func prepare(ctx context.Context, db *sql.DB, d Dialect) (*statements, error) {
	s := &statements{db: db, mark: d.Mark, byText: make(map[string]*sql.Stmt)}
	for _, query := range d.Prepared {
		if _, err := s.prepare(ctx, query); err != nil { //nolint:sqlclosecheck // it is kept
			return nil, err
		}
	}
	return s, nil
}

// get returns the statement, or nil if it is not prepared yet.
func (s *statements) get(query string) *sql.Stmt {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byText[query]
}

// prepare must not be called within a transaction: it needs a connection of its own,
// and the pool may have but one.
func (s *statements) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.RLock()
	full := len(s.byText) >= maxStatements
	s.mu.RUnlock()
	if full {
		return nil, nil
	}
	stmt, err := s.db.PrepareContext(ctx, s.text(query))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.byText[query]; other != nil {
		stmt.Close() //nolint:sqlclosecheck // the other one is kept
		return other, nil
	}
	s.byText[query] = stmt
	return stmt, nil
}

// text writes a statement with the dialect's marks. Values are always parameters, so
// a statement holds no other dollar sign.
func (s *statements) text(query string) string {
	if s.mark == '$' {
		return query
	}
	return strings.ReplaceAll(query, "$", string(s.mark))
}
