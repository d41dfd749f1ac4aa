package provisioning

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// SeatCounter is an optional interface of a [Target] whose plans have a number of seats.
//
// Somebody who would get an account, or get access back, while no seat is free is left
// as is, with the finding [FindingNoSeat], and tried again like anything that the host
// refused ([EventFailed] with the code "no_seat"): at most an hour after a seat is free the
// person has access. Seats that a plan frees count first, and who was provisioned first
// comes first. Nobody who is in loses anything when there are more people than seats, and
// the directory's writes are accepted all the same.
type SeatCounter interface {
	// Seats returns how many people the organisation may have and has. An error that
	// matches [errors.ErrUnsupported] means that this organisation's are not counted. With
	// any other nobody gets access until it is gone, while ending access goes on.
	Seats(ctx context.Context, tx store.Store, tenantID string) (Seats, error)
}

// Seats are an organisation's.
type Seats struct {
	// Limit is how many there are; zero means none at all.
	Limit int `json:"limit"`
	// Used are taken: by active accounts, however they came.
	Used int `json:"used"`
}

// Free is how many more people fit; zero if there are more than the limit.
func (s Seats) Free() int { return max(0, s.Limit-s.Used) }

// SeatPlan says what a plan does to the seats: "4 of 50 seats left".
type SeatPlan struct {
	Limit      int `json:"limit"`
	UsedBefore int `json:"usedBefore"`
	UsedAfter  int `json:"usedAfter"`
	// Free is what is left afterwards.
	Free int `json:"free"`
	// Missing is how many people do not fit.
	Missing int `json:"missing,omitempty"`
}

// The findings about seats.
const (
	// FindingNoSeat: the organisation's plan has no seat for this person.
	FindingNoSeat FindingCode = "no_seat"
	// FindingSeatsUnknown: the host could not say how many seats there are.
	FindingSeatsUnknown FindingCode = "seats_unknown"
)

// errNoSeat opens work that is tried again.
var errNoSeat = errors.New("no seat is free")

// loadSeats asks for the seats, if somebody concerned may need one.
func (l *loader) loadSeats(ctx context.Context, c *concern) error {
	counter, ok := l.e.cfg.Target.(SeatCounter)
	if !ok || !c.everybody && !l.needsSeat() {
		return nil
	}
	var seats Seats
	err := l.e.guard.call(ctx, "Seats", func(ctx context.Context) (err error) {
		seats, err = counter.Seats(ctx, l.tx, l.tenantID)
		return err
	})
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil
	case err == nil && (seats.Limit < 0 || seats.Used < 0):
		err = fmt.Errorf("expected numbers of seats, got %d of %d", seats.Used, seats.Limit)
	}
	if err != nil { // it keeps nobody in who is to go
		l.s.seatsErr = hostErr("count the seats", err)
		return ctx.Err()
	}
	l.s.seats = &seats
	return nil
}

func (l *loader) needsSeat() bool {
	for i := range l.s.people {
		p := &l.s.people[i]
		if p.user != nil && p.user.Active && (p.record == nil || !p.record.Active) {
			return true
		}
	}
	return false
}

// countSeats begins with the seats that are free once all who go have gone.
func (p *planner) countSeats() {
	if p.s.seats == nil {
		return
	}
	p.seats = &SeatPlan{Limit: p.s.seats.Limit, UsedBefore: p.s.seats.Used, UsedAfter: p.s.seats.Used - p.s.leaving}
	for i := range p.s.people {
		if p.s.people[i].leavesSeat(p.s) {
			p.seats.UsedAfter--
		}
	}
}

// leavesSeat says that the plan ends the access of somebody who has it.
func (x *person) leavesSeat(s *snapshot) bool {
	if x.user != nil && x.user.Active || x.record == nil || x.host == nil || !x.host.Active || x.record.ID == s.rootID {
		return false
	}
	return (x.record.Active || x.restored()) && !x.keepsAccess(s)
}

// keepsAccess says whether somebody stays whatever the directory says.
func (x *person) keepsAccess(s *snapshot) bool {
	return x.host != nil && x.host.OrgRole == s.roles.top() && (s.breakGlass[foldEmail(x.host.Email)] || s.breakGlass[foldEmail(x.record.Email)])
}

// seat takes a seat for somebody who has none, or leaves the person for later.
func (p *planner) seat(pp *personPlan) bool {
	if p.s.seatsErr != nil {
		p.find(Finding{Code: FindingSeatsUnknown, Message: "The seats of the organisation's plan could not be counted. Nobody gets access until they are."})
		pp.err = p.s.seatsErr
		return false
	}
	if p.seats == nil {
		return true
	}
	if p.seats.UsedAfter < p.seats.Limit {
		p.seats.UsedAfter++
		return true
	}
	p.seats.Missing++
	p.findFor(pp, FindingNoSeat, fmt.Sprintf("All %d seats of the organisation's plan are taken. This person gets access when one is free.", p.seats.Limit))
	pp.err = &hostError{op: "find a seat", err: errNoSeat}
	return false
}

// seatTotals closes the count.
func (p *planner) seatTotals() {
	if p.seats == nil {
		return
	}
	p.seats.Free = max(0, p.seats.Limit-p.seats.UsedAfter)
	p.plan.Totals.Seats = p.seats
}
