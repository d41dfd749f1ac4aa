//go:build unix

package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// ErrMissing says that PostgreSQL is not installed.
var ErrMissing = errors.New("no PostgreSQL server found in PATH or /usr/lib/postgresql; install one (Debian: apt-get install postgresql)")

// Server is a running server. It listens on 127.0.0.1 and lets everybody in.
type Server struct {
	bin     string // where PostgreSQL's programs are
	dir     string
	port    int
	cmd     *exec.Cmd
	exited  chan struct{}
	log     *os.File
	schemas atomic.Int64
}

// Start starts a server for tb and stops it when tb ends. Without PostgreSQL it skips
// tb, or fails it where the environment has CI=true.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := New()
	switch {
	case errors.Is(err, ErrMissing) && os.Getenv("CI") != "true":
		tb.Skip(err)
	case err != nil:
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// New starts a server. The caller closes it.
func New() (_ *Server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	who, err := account()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, exited: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if who != nil {
		if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	initdb := s.command(who, filepath.Join(bin, "initdb"), "--pgdata", data, "--username", "postgres", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pgtest: initdb: %w\n%s", err, out)
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if s.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	s.cmd = s.command(who, filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200",
		"-c", "shared_buffers=128MB", "-c", "max_wal_size=2GB",
		// Tests make deadlocks on purpose and need not wait a second for each.
		"-c", "deadlock_timeout=20ms")
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	go func() {
		_ = s.cmd.Wait() // how it ended stands in its log
		close(s.exited)
	}()
	return s, s.ready()
}

// command runs a program as an account that is not root's, which PostgreSQL refuses.
func (s *Server) command(who *syscall.Credential, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...) //nolint:noctx // Close ends it
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	// A process group of its own, so that an interrupt at the terminal reaches the test
	// alone, which then stops the server.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
	return cmd
}

// ready waits until the server answers.
func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		ask := exec.CommandContext(ctx, filepath.Join(s.bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(s.port))
		if ask.Run() == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("pgtest: the server ended: %s", s.tail())
		case <-ctx.Done():
			return fmt.Errorf("pgtest: the server did not answer within a minute: %s", s.tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) tail() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-10):], []byte("\n")))
}

// DSN is the address of the database "postgres", for drivers that take a URL. Parameters
// are pairs of a name and a value.
func (s *Server) DSN(parameters ...string) string {
	q := url.Values{"sslmode": {"disable"}}
	for i := 0; i+1 < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?%s", s.port, q.Encode())
}

// Schema creates an empty schema, in which a test is alone, and returns the address with
// which unqualified names are found there. It is much faster than a database.
func (s *Server) Schema(tb testing.TB) string {
	tb.Helper()
	name := "t" + strconv.FormatInt(s.schemas.Add(1), 10)
	psql := exec.CommandContext(tb.Context(), filepath.Join(s.bin, "psql"), "--no-psqlrc", "--quiet", "--command", "create schema "+name, s.DSN())
	if out, err := psql.CombinedOutput(); err != nil {
		tb.Fatalf("pgtest: create a schema: %v\n%s", err, out)
	}
	return s.DSN("search_path", name)
}

// Close stops the server and removes its files.
func (s *Server) Close() error {
	var err error
	if s.cmd != nil && s.cmd.Process != nil {
		// "Fast" shutdown: open connections are ended.
		err = s.cmd.Process.Signal(os.Interrupt)
		if errors.Is(err, os.ErrProcessDone) {
			err = nil
		}
		select {
		case <-s.exited:
		case <-time.After(20 * time.Second):
			err = errors.Join(err, s.cmd.Process.Kill())
			<-s.exited
		}
	}
	if s.log != nil {
		s.log.Close()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// binaries finds the folder of initdb and postgres, the newest version first.
func binaries() (string, error) {
	folders := filepath.SplitList(os.Getenv("PATH"))
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well formed
	sort.Slice(installed, func(i, j int) bool { return version(installed[i]) > version(installed[j]) })
	for _, dir := range append(installed, folders...) {
		if executable(filepath.Join(dir, "initdb")) && executable(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	return "", ErrMissing
}

func version(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(strings.TrimSuffix(bin, "/")))) // 0 for other names
	return n
}

func executable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a listener on loopback does not wait
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
