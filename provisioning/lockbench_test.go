package provisioning

import (
	"testing"
)

// BenchmarkLocks is what a check costs in a tenant of 10,000 people and groups, without the
// database's own way there and back.
func BenchmarkLocks(b *testing.B) {
	st, counted, changes := lockPage(b, 10_000)
	page := changes[:600] // 100 people, six questions about each
	locks, err := NewLocks(LocksConfig{Store: st.Store, Now: counted.cfg.Now})
	if err != nil {
		b.Fatal(err)
	}
	byHand := changes[0]
	byHand.Resource.AccountID = "by-hand"
	for _, bb := range []struct {
		name   string
		change Change
	}{{"not provisioned", byHand}, {"field of the host", changes[1]}, {"field", changes[0]}, {"role", changes[2]}, {"membership", changes[3]}, {"team", changes[5]}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := locks.Check(b.Context(), org, bb.change.Resource, bb.change.Field, bb.change.Op); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("page of 100 people", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := locks.CheckAll(b.Context(), org, page); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("explain", func(b *testing.B) {
		l, err := locks.Check(b.Context(), org, changes[2].Resource, "", OpUpdate)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if l.Explain("de") == "" {
				b.Fatal("no text")
			}
		}
	})
}
