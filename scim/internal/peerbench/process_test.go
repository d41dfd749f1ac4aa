package peerbench

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// targetVariable names, in the environment of a process, the target that it serves. Each
// target has a process of its own, so that nobody pays for what another one keeps in
// memory, and what a process allocates and computes is the server's, not the client's.
const targetVariable = "PEERBENCH_TARGET"

// order is what a process is told on its standard input, one JSON object a line.
type order struct {
	// Do is "begin" before a slice and "end" after it.
	Do string
	// Groups are made at the beginning, each of the first Members users, and deleted at
	// the end.
	Groups, Members int
}

// report is what it answers on its standard output; the first one comes unasked.
type report struct {
	Address, Prefix, Key string
	Users, Groups        []string

	CPU            time.Duration
	Mallocs, Bytes uint64
}

func TestMain(m *testing.M) {
	if name := os.Getenv(targetVariable); name != "" {
		serve(name)
		return
	}
	os.Exit(m.Run())
}

// floors are targets that answer everything with a body of this size: what net/http, the
// kernel and the client cost.
var floors = map[string]int{"EmptyHandler1kB": 1_000, "EmptyHandler140kB": 140_000}

func open(name string) *target {
	if size, ok := floors[name]; ok {
		return floor(name, size)
	}
	for _, open := range openers {
		if t := open(); t.name == name {
			t.seed(users)
			return t
		}
	}
	panic("peerbench: no target " + name)
}

// serve is the whole life of a process: it ends with its input.
func serve(name string) {
	t := open(name)
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	go func() {
		srv := http.Server{Handler: t.handler, ReadHeaderTimeout: time.Minute}
		panic(srv.Serve(l))
	}()
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	must(0, out.Encode(report{Address: l.Addr().String(), Prefix: t.prefix, Key: t.key, Users: t.users}))
	for {
		var o order
		if err := in.Decode(&o); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			panic(err)
		}
		var r report
		if o.Do == "begin" {
			for range o.Groups {
				t.groups = append(t.groups, t.group(o.Members))
			}
			r.Groups = t.groups
			runtime.GC() // the slice does not pay for what came before
		}
		r.measure()
		if o.Do == "end" {
			t.drop()
		}
		must(0, out.Encode(r))
	}
}

func (r *report) measure() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.CPU, r.Mallocs, r.Bytes = cpuTime(), m.Mallocs, m.TotalAlloc
}

// process is a target that is served by a process of its own.
type process struct {
	target
	in      *json.Encoder
	out     *json.Decoder
	clients []*client
}

// start starts the process of a target and connects so many clients to it.
func start(tb testing.TB, name string, clients int) *process {
	tb.Helper()
	exe, err := os.Executable()
	require.NoError(tb, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), targetVariable+"="+name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(tb, err)
	out, err := cmd.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, cmd.Start())
	tb.Cleanup(func() {
		require.NoError(tb, in.Close())
		require.NoError(tb, cmd.Wait())
	})
	p := &process{in: json.NewEncoder(in), out: json.NewDecoder(out)}
	var r report
	require.NoError(tb, p.out.Decode(&r))
	p.name, p.prefix, p.key, p.users = name, r.Prefix, r.Key, r.Users
	for range clients {
		conn, err := net.Dial("tcp", r.Address)
		require.NoError(tb, err)
		tb.Cleanup(func() { conn.Close() })
		p.clients = append(p.clients, newClient(conn))
	}
	return p
}

// tell gives an order and waits until it is carried out.
func (p *process) tell(tb testing.TB, o order) (r report) {
	tb.Helper()
	require.NoError(tb, p.in.Encode(o))
	require.NoError(tb, p.out.Decode(&r))
	return r
}
