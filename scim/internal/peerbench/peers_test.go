package peerbench

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// rounds is how often each target has its turn; medians over them are reported.
	rounds = 15
	// slice is how long a turn lasts.
	slice = 250 * time.Millisecond
)

// sample is what one slice measured; all but perSecond is of one request, in the
// server's process.
type sample struct{ perSecond, cpu, allocs, bytes float64 }

// run sends requests for the length of a slice, by so many clients at once.
func (p *process) run(tb testing.TB, op *operation, clients int) sample {
	tb.Helper()
	if op.limit > 0 {
		p.next.Store(0) // into new groups
	}
	before := p.tell(tb, order{Do: "begin", Groups: op.groups, Members: op.members})
	p.groups = before.Groups
	errs := make([]error, clients)
	counts := make([]int, clients)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range clients {
		wg.Go(func() { counts[i], errs[i] = p.send(p.clients[i], op, start.Add(slice)) })
	}
	wg.Wait()
	took := time.Since(start)
	after := p.tell(tb, order{Do: "end"})
	n := 0.0
	for i, count := range counts {
		require.NoError(tb, errs[i], p.name)
		n += float64(count)
	}
	return sample{
		perSecond: n / took.Seconds(), cpu: (after.CPU - before.CPU).Seconds() / n,
		allocs: float64(after.Mallocs-before.Mallocs) / n, bytes: float64(after.Bytes-before.Bytes) / n,
	}
}

// send sends one request after the other until the time or the operation's limit has
// come.
func (p *process) send(c *client, op *operation, until time.Time) (count int, err error) {
	for {
		n := p.next.Add(1) - 1
		if op.limit > 0 && n >= op.limit {
			return count, nil
		}
		op.fill(&c.msg, &p.target, int(n))
		status, _, err := c.do(c.msg.encode(p.prefix, p.key))
		switch {
		case err != nil:
			return count, err
		case status != op.status:
			return count, fmt.Errorf("%s %s: status %d, want %d", c.msg.method, c.msg.path, status, op.status)
		}
		if count++; time.Now().After(until) {
			return count, nil
		}
	}
}

func median(of []sample, value func(sample) float64) float64 {
	values := make([]float64, len(of))
	for i, s := range of {
		values[i] = value(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func perSecond(s sample) float64 { return s.perSecond }
func cpu(s sample) float64       { return s.cpu * 1e6 }
func allocs(s sample) float64    { return s.allocs }
func kilobytes(s sample) float64 { return s.bytes / 1000 }

// ratio is the median of what ours was ahead in each round.
func ratio(ours, peer []sample) float64 {
	each := make([]sample, len(ours))
	for i := range ours {
		each[i].perSecond = ours[i].perSecond / peer[i].perSecond
	}
	return median(each, perSecond)
}

// turns lets the processes take turns, forth and back, so that none always comes after
// the same other: A B C C B A A B C …
func turns(tb testing.TB, op *operation, clients int, processes []*process) [][]sample {
	tb.Helper()
	out := make([][]sample, len(processes))
	for round := range rounds {
		for i := range processes {
			if round%2 == 1 {
				i = len(processes) - 1 - i
			}
			out[i] = append(out[i], processes[i].run(tb, op, clients))
		}
	}
	return out
}

// row is a line of the table.
type row struct {
	op      operation
	clients int
	samples [][]sample // of ours and the peers, or of the floor alone
}

// BenchmarkPeers measures ours and both variants of the peer in turn, and prints the
// tables at the end.
func BenchmarkPeers(b *testing.B) {
	const most = 8
	var rows []row
	for _, op := range operations {
		b.Run(op.name, func(b *testing.B) {
			processes := []*process{start(b, "ours", most), start(b, "naive", most), start(b, "indexed", most)}
			for _, clients := range []int{most, 1} {
				b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
					s := turns(b, &op, clients, processes)
					rows = append(rows, row{op, clients, s})
					b.ReportMetric(1e9/median(s[0], perSecond), "ns/op")
					b.ReportMetric(median(s[0], allocs), "allocs/op")
					b.ReportMetric(median(s[0], kilobytes)*1000, "B/op")
					b.ReportMetric(ratio(s[0], s[1]), "x-naive")
					b.ReportMetric(ratio(s[0], s[2]), "x-indexed")
				})
			}
		})
	}
	for name := range floors {
		b.Run(name, func(b *testing.B) {
			op := operation{name: name, status: http.StatusOK, fill: nothing}
			p := []*process{start(b, name, most)}
			for _, clients := range []int{most, 1} {
				b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
					s := turns(b, &op, clients, p)
					rows = append(rows, row{op, clients, s})
					b.ReportMetric(1e9/median(s[0], perSecond), "ns/op")
					b.ReportMetric(median(s[0], allocs), "allocs/op")
					b.ReportMetric(median(s[0], kilobytes)*1000, "B/op")
				})
			}
		})
	}
	for _, clients := range []int{most, 1} {
		print(rows, clients)
	}
}

// print writes the rows of so many clients as tables.
func print(rows []row, clients int) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.clients != clients })
	fmt.Fprintf(w, "\n%d clients, requests/s\tours\tnaive\tindexed\tx naive\tx indexed\twanted\t\n", clients)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t", r.op.name)
		for _, s := range r.samples {
			fmt.Fprintf(w, "%.0f\t", median(s, perSecond))
		}
		if len(r.samples) > 1 {
			fmt.Fprintf(w, "%.2f\t%.2f\t", ratio(r.samples[0], r.samples[1]), ratio(r.samples[0], r.samples[2]))
		}
		if r.op.wanted > 0 {
			fmt.Fprintf(w, "%.1f\t", r.op.wanted)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "\nserver, for one request\tCPU µs ours\tnaive\tindexed\tx indexed\tallocs ours\tnaive\tindexed\tkB ours\tnaive\tindexed\t\n")
	for _, r := range rows {
		three := func(value func(sample) float64) {
			for i := range 3 {
				if i < len(r.samples) {
					fmt.Fprintf(w, "%.1f", median(r.samples[i], value))
				}
				fmt.Fprint(w, "\t")
			}
		}
		fmt.Fprintf(w, "%s\t", r.op.name)
		three(cpu)
		if len(r.samples) > 1 {
			fmt.Fprintf(w, "%.2f", median(r.samples[2], cpu)/median(r.samples[0], cpu))
		}
		fmt.Fprint(w, "\t")
		three(allocs)
		three(kilobytes)
		fmt.Fprintln(w)
	}
	_ = w.Flush()
}
