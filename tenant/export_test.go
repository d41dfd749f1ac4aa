package tenant

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func exported(t testing.TB, data []byte) (lines []ExportLine, counts map[string]int) {
	t.Helper()
	counts = map[string]int{}
	sc := bufio.NewScanner(bytes.NewReader(data))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var l ExportLine
		require.NoError(t, json.Unmarshal(sc.Bytes(), &l), sc.Text())
		lines = append(lines, l)
		counts[l.Kind]++
	}
	require.NoError(t, sc.Err())
	return lines, counts
}

func TestExportTenant(t *testing.T) {
	w, h := endingWorld(t, func(c *Config) { c.RevealableAPIKeys = true })
	c := w.populated(t, h, "t1", "acme.com", 1200) // more than a page
	w.populated(t, h, "t2", "beta.com", 1)
	stored, err := w.store.APIKeys(t.Context(), "t1")
	require.NoError(t, err)
	require.NotEmpty(t, stored[0].SealedKey)
	l, err := w.store.Lifecycle(t.Context(), "t1")
	require.NoError(t, err)
	l.Reason, l.Work = "r", []byte("internal")
	_, err = w.store.PutLifecycle(t.Context(), "t1", l)
	require.NoError(t, err)

	var out bytes.Buffer
	end, err := w.ExportTenant(t.Context(), owner, "t1", &out)
	require.NoError(t, err)
	lines, counts := exported(t, out.Bytes())
	require.Equal(t, "export", lines[0].Kind)
	require.Equal(t, "end", lines[len(lines)-1].Kind)
	delete(counts, "export")
	delete(counts, "end")
	require.Equal(t, counts, end.Counts)

	// Every kind that the store has is in it, or is known to be left out.
	for kind, n := range w.holdings(t, "t1") {
		switch kind {
		case store.KindToken, store.KindLease, store.KindPosition, "value":
			require.NotContains(t, counts, string(kind))
		case store.KindMember:
			require.Equal(t, 2, counts[string(kind)], "pages")
		case store.KindEvent:
			require.Equal(t, n-1, counts[string(kind)], "not its own")
		default:
			require.Equal(t, n, counts[string(kind)], kind)
		}
	}
	text := out.String()
	require.True(t, strings.Contains(text, c.ID))
	for _, secret := range []string{testSecret, "sealedSecret", "sealedKey", `"hash":"`, "rowserHash", "internal", "beta.com", `"t2"`} {
		require.False(t, strings.Contains(text, secret), secret)
	}
	types := w.events(t, "t1", 0)
	require.Equal(t, "tenant.exported", types[len(types)-1])

	w.refusedWith(t, "t1", "forbidden", func() error {
		_, err := w.ExportTenant(t.Context(), stranger, "t1", &out)
		return err
	})
	_, err = w.ExportTenant(t.Context(), owner, "a/b", &out)
	require.ErrorIs(t, err, store.ErrNotFound)
	full := &limitedWriter{left: 50_000}
	_, err = w.ExportTenant(t.Context(), owner, "t1", full)
	require.ErrorIs(t, err, errFull)
	require.False(t, strings.Contains(full.String(), `"kind":"end"`), "an export that broke off is seen to")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = w.ExportTenant(ctx, owner, "t1", &out)
	require.ErrorIs(t, err, context.Canceled)

	out.Reset()
	end, err = w.ExportTenant(t.Context(), owner, "unknown", &out)
	require.NoError(t, err)
	require.Empty(t, end.Counts)
}

var errFull = errors.New("disk full")

type limitedWriter struct {
	bytes.Buffer
	left int
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return 0, errFull
	}
	w.left -= len(p)
	return w.Buffer.Write(p)
}
