package sqltest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/internal/oidcbench"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
)

// statementLog keeps what is sent to PostgreSQL, one entry for each round trip.
type statementLog struct {
	mu   sync.Mutex
	sent []string
}

func (l *statementLog) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, q.SQL)
	return ctx
}

func (*statementLog) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (l *statementLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := l.sent
	l.sent = nil
	return sent
}

// TestStatementsOfACallback pins what a returning person's callback asks of PostgreSQL. Each statement is a round trip, and
// a sign-in waits for all of them.
func TestStatementsOfACallback(t *testing.T) {
	var log statementLog
	config, err := pgx.ParseConfig(pgtest.Start(t).Schema(t))
	require.NoError(t, err)
	config.Tracer = &log
	db := stdlib.OpenDB(*config)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, postgres.Migrate(t.Context(), db))
	st, err := postgres.New(t.Context(), db)
	require.NoError(t, err)
	h, p := newHandler(t, st)
	for range 2 { // the first sign-in links
		oidcbench.Answer(t, p, h)()
	}

	deliver := oidcbench.Answer(t, p, h)
	log.take()
	deliver()
	sent := log.take()
	for i, q := range sent {
		t.Logf("%2d %s", i+1, shortened(q))
	}
	require.Equal(t, 10, len(sent)) //nolint:testifylint // Len prints the statements once more
}

func shortened(q string) string {
	if len(q) > 120 {
		q = q[:120] + "…"
	}
	return strings.ReplaceAll(q, "\n", " ")
}
