package provisioningtest

import (
	"errors"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// seatChecks are about plans that have a number of seats.
func seatChecks() []check {
	counts := has[provisioning.SeatCounter]
	seats := func(p *probe, tenantID string) (s provisioning.Seats) {
		p.Helper()
		p.do("Seats", func(tx store.Store) (err error) {
			s, err = optional[provisioning.SeatCounter](p).Seats(p.ctx, tx, tenantID)
			if errors.Is(err, errors.ErrUnsupported) {
				p.fail("an organisation whose seats are counted", err.Error(), "Seats")
			}
			return err
		})
		p.that(s.Limit >= 0 && s.Used >= 0, "numbers of seats", s, "Seats")
		return s
	}
	return []check{
		{name: "used", rule: "active accounts take a seat each, those without access none", needs: counts, run: func(p *probe) {
			before := seats(p, p.Tenant)
			id, _ := p.account(p.Tenant)
			with := seats(p, p.Tenant)
			p.that(with.Used == before.Used+1 && with.Limit == before.Limit, "one more used", with, "create an account, after %+v", before)
			p.setActive(p.Tenant, id, false)
			p.that(seats(p, p.Tenant) == before, "as before", seats(p, p.Tenant), "end the account's access, after %+v", before)
			p.setActive(p.Tenant, id, true)
			p.that(seats(p, p.Tenant) == with, "one more used", seats(p, p.Tenant), "restore the account's access, after %+v", before)
		}},
		{name: "isolation", rule: "another tenant's accounts take no seat", needs: counts, run: func(p *probe) {
			before := seats(p, p.Tenant)
			p.account(p.Other)
			p.that(seats(p, p.Tenant) == before, "as before", seats(p, p.Tenant), "create an account of another tenant, after %+v", before)
		}},
	}
}
