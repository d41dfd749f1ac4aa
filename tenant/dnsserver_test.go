package tenant

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// dnsServer is a name server on loopback, over UDP and TCP, with the answers that a
// test sets.
type dnsServer struct {
	addr string

	mu       sync.Mutex
	txt      map[string][][]string // name: records, each of strings
	cname    map[string]string
	rcode    map[string]dnsmessage.RCode
	silent   map[string]bool
	truncUDP bool
	overTCP  int
}

func newDNSServer(t *testing.T) *dnsServer {
	t.Helper()
	s := &dnsServer{txt: map[string][][]string{}, cname: map[string]string{}, rcode: map[string]dnsmessage.RCode{}, silent: map[string]bool{}}
	var udp net.PacketConn
	var tcp net.Listener
	for range 10 { // the port that UDP got may be taken for TCP
		var err error
		udp, err = net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		s.addr = udp.LocalAddr().String()
		if tcp, err = net.Listen("tcp", s.addr); err == nil {
			break
		}
		_ = udp.Close()
	}
	require.NotNil(t, tcp, "no port for UDP and TCP")
	var running sync.WaitGroup
	running.Go(func() { s.serveUDP(udp) })
	running.Go(func() { s.serveTCP(tcp) })
	t.Cleanup(func() {
		_ = udp.Close()
		_ = tcp.Close()
		running.Wait()
	})
	return s
}

func (s *dnsServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *dnsServer) serveUDP(conn net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if answer := s.answer(buf[:n], true); answer != nil {
			_, _ = conn.WriteTo(answer, from)
		}
	}
}

func (s *dnsServer) serveTCP(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err == nil {
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(conn, query); err == nil {
				if answer := s.answer(query, false); answer != nil {
					_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
				}
			}
		}
		_ = conn.Close()
	}
}

func (s *dnsServer) answer(query []byte, udp bool) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	if s.silent[name] {
		return nil
	}
	if !udp {
		s.overTCP++
	}
	r := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true, RCode: s.rcode[name]}, Questions: m.Questions}
	at := q.Name
	if target, ok := s.cname[name]; ok {
		to := dnsmessage.MustNewName(target + ".")
		r.Answers = append(r.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: at, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   &dnsmessage.CNAMEResource{CNAME: to},
		})
		at, name = to, target
	}
	if q.Type == dnsmessage.TypeTXT {
		for _, record := range s.txt[name] {
			r.Answers = append(r.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: at, Class: dnsmessage.ClassINET, TTL: 60},
				Body:   &dnsmessage.TXTResource{TXT: record},
			})
		}
	}
	if len(r.Answers) == 0 && r.RCode == dnsmessage.RCodeSuccess && s.txt[name] == nil {
		r.RCode = dnsmessage.RCodeNameError
	}
	if udp && s.truncUDP && len(r.Answers) > 0 {
		r.Answers, r.Truncated = nil, true
	}
	out, err := r.Pack()
	if err != nil {
		return nil
	}
	return out
}
