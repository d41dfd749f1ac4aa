package peerbench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// message is one request. It is filled again and again, so that the client allocates
// nothing and what the process allocates is the server's.
type message struct {
	method     string
	path, body []byte
	wire       []byte
}

func (m *message) start(method string) {
	m.method, m.path, m.body = method, m.path[:0], m.body[:0]
}

// encode writes the message as HTTP/1.1 for a target.
func (m *message) encode(prefix, key string) []byte {
	w := m.wire[:0]
	w = append(w, m.method...)
	w = append(w, ' ')
	w = append(w, prefix...)
	w = append(w, m.path...)
	w = append(w, " HTTP/1.1\r\nHost: app.example.com\r\nAuthorization: Bearer "...)
	w = append(w, key...)
	if len(m.body) > 0 {
		w = append(w, "\r\nContent-Type: application/scim+json\r\nContent-Length: "...)
		w = strconv.AppendInt(w, int64(len(m.body)), 10)
	}
	w = append(w, "\r\n\r\n"...)
	w = append(w, m.body...)
	m.wire = w
	return w
}

// client is a keep-alive connection that sends messages and reads answers to their
// end. net/http's own client costs as much as the server that is to be measured.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	msg  message
}

func newClient(conn net.Conn) *client {
	return &client{conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}
}

// do sends an encoded message and returns the answer's status and the length of its
// body.
func (c *client) do(wire []byte) (status, size int, err error) {
	if _, err := c.conn.Write(wire); err != nil {
		return 0, 0, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, 0, fmt.Errorf("peerbench: expected a status line, got %q", line)
	}
	status, err = number(line[9:12], 10)
	if err != nil {
		return 0, 0, err
	}
	length, chunked, err := c.header()
	switch {
	case err != nil:
	case status == 204 || status == 304:
	case chunked:
		length, err = c.chunks()
	case length < 0:
		err = errors.New("peerbench: an answer without a length")
	default:
		_, err = c.r.Discard(length)
	}
	return status, length, err
}

func (c *client) header() (length int, chunked bool, err error) {
	length = -1
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return length, chunked, nil
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = number(v, 10); err != nil {
				return 0, false, err
			}
		}
		chunked = chunked || bytes.Equal(line, []byte("Transfer-Encoding: chunked"))
	}
}

func (c *client) chunks() (total int, err error) {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		n, err := number(bytes.TrimRight(line, "\r\n"), 16)
		if err != nil {
			return 0, err
		}
		if _, err := c.r.Discard(n + 2); err != nil { // with its line end
			return 0, err
		}
		if n == 0 {
			return total, nil
		}
		total += n
	}
}

// number reads digits without making a string of them.
func number(digits []byte, base int) (n int, err error) {
	for _, d := range digits {
		switch {
		case d >= '0' && d <= '9':
			d -= '0'
		case d >= 'a' && d <= 'f' && base == 16:
			d -= 'a' - 10
		default:
			return 0, fmt.Errorf("peerbench: expected a number, got %q", digits)
		}
		n = n*base + int(d)
	}
	if len(digits) == 0 || len(digits) > 9 {
		return 0, fmt.Errorf("peerbench: expected a number, got %q", digits)
	}
	return n, nil
}

// canned is a connection that gives the same answer for ever.
type canned struct {
	net.Conn
	answer, rest []byte
}

func (c *canned) Write(p []byte) (int, error) { return len(p), nil }

func (c *canned) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		c.rest = c.answer
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func answers() map[string][]byte {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/scim+json\r\n"
	page := bytes.Repeat([]byte{'x'}, 100_000)
	return map[string][]byte{
		"800B":         append([]byte(head+"Content-Length: 800\r\n\r\n"), page[:800]...),
		"100kB":        append([]byte(head+"Content-Length: 100000\r\n\r\n"), page...),
		"100kBChunked": append(append([]byte(head+"Transfer-Encoding: chunked\r\n\r\n186a0\r\n"), page...), "\r\n0\r\n\r\n"...),
	}
}

func TestClient(t *testing.T) {
	want := map[string]int{"800B": 800, "100kB": 100_000, "100kBChunked": 100_000}
	for name, answer := range answers() {
		c := newClient(&canned{answer: answer})
		for range 3 {
			status, size, err := c.do([]byte("GET / HTTP/1.1\r\n\r\n"))
			require.NoError(t, err, name)
			require.Equal(t, 200, status, name)
			require.Equal(t, want[name], size, name)
		}
	}
	for _, answer := range []string{"HTTP/1.1 200 OK\r\n\r\n", "SSH-2.0 odd things\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n"} {
		_, _, err := newClient(&canned{answer: []byte(answer)}).do(nil)
		require.Error(t, err, answer)
	}
}

// BenchmarkClient tells what the client adds to each request of BenchmarkPeers, without
// the kernel's part.
func BenchmarkClient(b *testing.B) {
	for name, answer := range answers() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			c := newClient(&canned{answer: answer})
			for b.Loop() {
				c.msg.start("GET")
				c.msg.path = append(c.msg.path, "/Users"...)
				if _, _, err := c.do(c.msg.encode("/scim/v2", "key")); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
