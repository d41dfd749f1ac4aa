package tenant

import (
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// ReviewSide is who has to do something next about a request.
type ReviewSide string

// The sides.
const (
	ReviewNobody ReviewSide = ""      // nothing is under review
	ReviewStaff  ReviewSide = "staff" // the host's staff decide or ask
	ReviewOwner  ReviewSide = "owner" // staff asked, and the owner has to answer and submit again
)

// ReviewStatus says for whom a request waits, and until when.
type ReviewStatus struct {
	WaitsFor ReviewSide
	// Since is when the request was submitted, or staff asked.
	Since time.Time
	// AnswerBy is until when staff answer; zero if they don't wait, or Config.ReviewWithin is not given.
	AnswerBy time.Time
	// Overdue says that AnswerBy has passed.
	Overdue bool
	// Message says it to the owner, in a sentence. Empty where nothing is under review.
	Message string
}

const dueFormat = "2 January 2006, 15:04 UTC"

// ReviewStatus tells an owner who has to do something next about the request, and until when to expect an answer (R47). It
// reads nothing but c.
func (s *Service) ReviewStatus(c Connection) ReviewStatus {
	st := ReviewStatus{}
	st.WaitsFor, st.Since = waiting(c.Connection)
	switch st.WaitsFor {
	case ReviewStaff:
		st.AnswerBy = s.answerBy(c.Connection)
		st.Overdue = !st.AnswerBy.IsZero() && s.now().After(st.AnswerBy)
		due := st.AnswerBy.UTC().Format(dueFormat)
		switch {
		case st.AnswerBy.IsZero():
			st.Message = "Our team reviews your request."
		case st.Overdue:
			st.Message = "Our team reviews your request. It takes longer than we said: you should have had an answer by " + due + ". There is nothing that you have to do."
		default:
			st.Message = "Our team reviews your request. Expect an answer by " + due + "."
		}
	case ReviewOwner:
		st.Message = fmt.Sprintf("Our team asked you something on %s. Answer it, and submit the request again.", st.Since.UTC().Format(dueFormat))
	}
	return st
}

// answerBy is until when staff answer a request that waits for them; zero for others.
func (s *Service) answerBy(c store.Connection) time.Time {
	side, since := waiting(c)
	if side != ReviewStaff || s.cfg.ReviewWithin == 0 {
		return time.Time{}
	}
	return store.Time(since.Add(s.cfg.ReviewWithin))
}

// waiting says for whom a request waits, and since when.
func waiting(c store.Connection) (ReviewSide, time.Time) {
	switch c.State {
	case store.ConnectionSubmitted:
		return ReviewStaff, c.SubmittedAt
	case store.ConnectionNeedsInformation:
		return ReviewOwner, c.AskedAt
	}
	return ReviewNobody, time.Time{}
}

const maxWaitSteps = 20

// checkWaits orders thresholds, the shortest first. standard is for nil.
func checkWaits(name string, given, standard []time.Duration) ([]time.Duration, error) {
	if given == nil {
		given = standard
	}
	if len(given) > maxWaitSteps || slices.ContainsFunc(given, func(d time.Duration) bool { return d <= 0 }) {
		return nil, fmt.Errorf("tenant: Config.%s must have at most %d durations, each greater than zero", name, maxWaitSteps)
	}
	out := slices.Clone(given)
	slices.Sort(out)
	return slices.Compact(out), nil
}

// checkReviews completes what Config says about the time that reviews take.
func (cfg *Config) checkReviews() error {
	if cfg.ReviewWithin < 0 {
		return fmt.Errorf("tenant: Config.ReviewWithin is %s, expected how soon staff answer, or zero where that is not said", cfg.ReviewWithin)
	}
	var staff []time.Duration
	if within := cfg.ReviewWithin; within > 0 {
		staff = []time.Duration{within - within/4, within, 2 * within}
	}
	var err error
	if cfg.RemindStaffAfter, err = checkWaits("RemindStaffAfter", cfg.RemindStaffAfter, staff); err != nil {
		return err
	}
	cfg.RemindOwnersAfter, err = checkWaits("RemindOwnersAfter", cfg.RemindOwnersAfter, []time.Duration{3 * day, 7 * day, 14 * day})
	return err
}
