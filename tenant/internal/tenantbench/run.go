package tenantbench

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// Lookup is a way to find a tenant.
type Lookup struct {
	Name string
	// Find finds the tenant of a number, and fails if it finds another.
	Find func(ctx context.Context, i int) error
}

// Sizes are the numbers of tenants at which look-ups are measured.
var Sizes = []int{100, 10_000, 100_000}

const (
	// looked is how many of the tenants are looked for, spread over all of them, each once before it is measured: so what is
	// measured is finding one among so many, and not reading one for the first time.
	looked = 1000
	// stride walks them in an order in which neighbours do not follow each other.
	stride = 7_919
)

// pick is the tenant to look for, the ith time.
func pick(i, tenants int) int {
	if tenants <= looked {
		return i % tenants
	}
	return i % looked * (tenants / looked)
}

// Run measures the look-ups as the fleet grows. times-of-100 is what one costs among so many tenants, as a multiple of
// what it cost among a hundred in the same run.
func Run(b *testing.B, f *Fleet, lookups []Lookup) {
	b.Helper()
	small := map[string]time.Duration{}
	for _, n := range Sizes {
		b.Run(fmt.Sprintf("tenants=%d", n), func(b *testing.B) {
			if err := f.Grow(b.Context(), n); err != nil {
				b.Fatal(err)
			}
			for _, l := range lookups {
				b.Run("by="+l.Name, func(b *testing.B) {
					for i := range min(n, looked) {
						if err := l.Find(b.Context(), pick(i, n)); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportAllocs()
					i := 0
					for b.Loop() {
						if err := l.Find(b.Context(), pick(i, n)); err != nil {
							b.Fatal(err)
						}
						i += stride
					}
					each := b.Elapsed() / time.Duration(max(b.N, 1))
					if n == Sizes[0] {
						small[l.Name] = each
					} else if small[l.Name] > 0 {
						b.ReportMetric(float64(each)/float64(small[l.Name]), "times-of-100")
					}
				})
			}
		})
	}
}
