package filtertest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Options say how much is tried.
type Options struct {
	// Seed makes data and filters. Zero means another one each time.
	Seed uint64
	// Rounds is how many directories are made, Filters how many filters are tried on
	// each. Zero means 4 and 200.
	Rounds, Filters int
}

// failures is how many filters one round reports before it ends.
const failures = 3

// fill puts defaults in place, and what the environment says.
func (o *Options) fill() error {
	for name, set := range map[string]func(uint64){
		"FILTERTEST_SEED":    func(n uint64) { o.Seed = n },
		"FILTERTEST_FILTERS": func(n uint64) { o.Filters = int(n) },
	} {
		if s := os.Getenv(name); s != "" {
			n, err := strconv.ParseUint(s, 10, 32)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			set(n)
		}
	}
	o.Rounds, o.Filters = cmp.Or(o.Rounds, 4), cmp.Or(o.Filters, 200)
	if o.Seed == 0 {
		o.Seed = uint64(rand.Uint32())
	}
	return nil
}

// Run tries random filters on a store. handler makes a handler of a store: with Base
// and the clock, with the schemas of this package, without policy, without a limit of
// requests, and with a limit of a MiB for filters.
func Run(t *testing.T, st store.Store, handler func(st store.Store, now func() time.Time) http.Handler, o Options) {
	t.Helper()
	if err := o.fill(); err != nil {
		t.Fatal(err)
	}
	var total stats
	for round := range o.Rounds {
		t.Run("round "+strconv.Itoa(round+1), func(t *testing.T) {
			t.Logf("FILTERTEST_SEED=%d", o.Seed)
			r := rand.New(rand.NewPCG(o.Seed, uint64(round)))
			s := &suite{r: r, filters: o.Filters, stats: &total}
			if err := s.open(st, handler, fmt.Sprintf("t%d-%d", o.Seed, round)); err != nil {
				t.Fatal(err)
			}
			s.run(t)
		})
	}
	t.Logf("%d filters, of which %d %% match some resources but not all", total.filters, total.share())
	if total.filters >= 200 && total.share() <= 30 {
		t.Errorf("only %d %% of the filters match some resources but not all: they tell little", total.share())
	}
}

// stats count filters, and those that tell resources apart.
type stats struct{ filters, telling int }

func (s *stats) share() int { return 100 * s.telling / max(s.filters, 1) }

// suite is one round.
type suite struct {
	r       *rand.Rand
	filters int
	stats   *stats
	values  *values
	types   []*resourceType
	servers []*client
	docs    map[string][]map[string]any
}

// open fills a tenant and reads all that is in it.
func (s *suite) open(st store.Store, handler func(store.Store, func() time.Time) http.Handler, tenant string) (err error) {
	d := &directory{values: newValues(s.r), now: begin, made: map[string][]string{}}
	clock := func() time.Time { return d.now }
	for _, one := range []struct {
		name string
		st   store.Store
	}{
		{"as it is", st},
		{"without filters", weaken(st, false, 7)},
		{"with inexact filters", weaken(st, true, 3)},
	} {
		s.servers = append(s.servers, &client{name: one.name, h: handler(one.st, clock), tenant: tenant})
	}
	d.c = s.servers[0]
	if s.types, err = resourceTypes(d.c); err != nil {
		return err
	}
	d.types = s.types
	if err := d.fill(); err != nil {
		return err
	}
	s.values, s.docs = d.values, map[string][]map[string]any{}
	for _, rt := range s.types {
		docs, err := d.c.all(rt)
		if err != nil {
			return err
		}
		slices.SortFunc(docs, func(a, b map[string]any) int { return cmp.Compare(id(a), id(b)) })
		s.docs[rt.Name] = docs
	}
	return nil
}

func (s *suite) run(t *testing.T) {
	generators := map[string]*generator{}
	for _, rt := range s.types {
		generators[rt.Name] = &generator{values: s.values, rt: rt, docs: s.docs[rt.Name], known: map[string][]any{}}
	}
	failed := 0
	for i := 0; i < s.filters && failed < failures; i++ {
		rt := pick(s.r, s.types)
		c := &checker{rt: rt, docs: s.docs[rt.Name], servers: s.servers}
		n, seed := generators[rt.Name].filter(), s.r.Uint64()
		s.stats.filters++
		if found := len(c.matches(n)); found > 0 && found < len(c.docs) {
			s.stats.telling++
		}
		m := c.check(n, seed)
		if m == nil {
			continue
		}
		failed++
		n = shrink(n, func(n *node) bool {
			other := c.check(n, seed)
			return other != nil && other.server == m.server
		})
		t.Errorf("filter %d\n%s", i+1, c.describe(n, c.check(n, seed)))
	}
}
