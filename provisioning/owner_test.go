package provisioning

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLastOwnerStaysWhenTheNextIsRefused: the plan counts on a promotion that the host
// then refuses.
func TestLastOwnerStaysWhenTheNextIsRefused(t *testing.T) {
	w := newWorld(t)
	w.user("ada", "ben")
	w.group("Owners", "ada")
	w.sync()
	w.manual(w.row("Owners", "", "", "owner"))
	w.host.users["u-root"].Role = "member"
	ben := w.account("ben")
	w.host.fail = func(op, id string) error {
		if op == "SetOrgRole" && id == ben {
			return errors.New("no")
		}
		return nil
	}
	w.members("Owners", []string{"ben"}, []string{"ada"})
	w.sync()
	require.Equal(t, "owner", w.host.byEmail(t, "ada@acme.example").Role, "the organisation is never without an owner")
	found := w.events(EventFinding)
	require.Equal(t, string(FindingLastOwner), found[len(found)-1].Code)

	w.host.fail = nil
	w.clock.add(time.Hour)
	w.sync()
	require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
	require.Equal(t, "owner", w.host.byEmail(t, "ben@acme.example").Role)
	w.stable()
}

// TestBreakerCountsRolesTakenBitByBit: each sync takes one role, together they are many.
func TestBreakerCountsRolesTakenBitByBit(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Breaker = Breaker{People: 5, Percent: 1} })
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("p%02d", i))
	}
	w.user(names...)
	w.group("Admins", names...)
	w.sync()
	w.manual(w.row("Admins", "", "", "administrator"))
	for _, n := range names {
		w.leave("Admins", n)
		w.sync()
	}
	require.Len(t, w.events(EventBreaker), 1)
	left := 0
	for _, n := range names {
		if w.host.byEmail(t, n+"@acme.example").Role == "administrator" {
			left++
		}
	}
	require.Equal(t, 15, left, "five lost the role before it tripped")
}
