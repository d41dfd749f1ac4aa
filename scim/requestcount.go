package scim

import (
	"context"
	"net/http"
	"time"
	"unsafe"
)

// RequestResult says how a request went.
type RequestResult string

// The results.
const (
	RequestGood      RequestResult = "good"
	RequestWarned    RequestResult = "warned"    // accepted, though it was not as it should be
	RequestRefused   RequestResult = "refused"   // answered with an error
	RequestThrottled RequestResult = "throttled" // told to wait (429), which is no mistake
)

func (e *Exchange) result() RequestResult {
	switch {
	case e.Status == http.StatusTooManyRequests:
		return RequestThrottled
	case e.Error != nil:
		return RequestRefused
	case len(e.Warnings) > 0:
		return RequestWarned
	}
	return RequestGood
}

// RequestCounts count requests by how they went.
type RequestCounts struct {
	Good      int `json:"good"`
	Warned    int `json:"warned"`
	Refused   int `json:"refused"`
	Throttled int `json:"throttled"`
}

// Total counts all.
func (c RequestCounts) Total() int { return c.Good + c.Warned + c.Refused + c.Throttled }

// ErrorRate is which part of the requests was refused, from 0 to 1. Those that were told to wait come again, and do not count.
func (c RequestCounts) ErrorRate() float64 {
	answered := c.Total() - c.Throttled
	if answered == 0 {
		return 0
	}
	return float64(c.Refused) / float64(answered)
}

func (c *RequestCounts) sum(o stepCounts) {
	c.Good, c.Warned, c.Refused, c.Throttled = c.Good+int(o.good), c.Warned+int(o.warned), c.Refused+int(o.refused), c.Throttled+int(o.throttled)
}

const (
	countStep = 5 * time.Minute
	stepsHour = int64(time.Hour / countStep)
	stepsDay  = 24 * stepsHour
	// maxCounted is how many directories of a tenant are counted; keys of more than that are an exotic set-up.
	maxCounted = 50
)

// requestCounter counts the requests of one directory in steps of five minutes, for a day.
type requestCounter struct {
	steps [stepsDay]struct {
		step   int64
		counts stepCounts
	}
}

// stepCounts are RequestCounts in less memory, for five minutes at one replica.
type stepCounts struct{ good, warned, refused, throttled uint32 }

func (c *stepCounts) add(r RequestResult) {
	switch r {
	case RequestGood:
		c.good++
	case RequestWarned:
		c.warned++
	case RequestRefused:
		c.refused++
	case RequestThrottled:
		c.throttled++
	}
}

func stepOf(at time.Time) int64 { return at.Unix() / int64(countStep/time.Second) }

// count counts one more request, and returns how many bytes more there are now. The log holds its lock.
func (t *recent) count(e Exchange, r RequestResult) (more int) {
	c := t.counts[e.DirectoryID]
	if c == nil {
		if len(t.counts) >= maxCounted {
			return 0
		}
		if t.counts == nil {
			t.counts = map[string]*requestCounter{}
		}
		c = &requestCounter{}
		t.counts[e.DirectoryID] = c
		more = int(unsafe.Sizeof(*c)) + len(e.DirectoryID)
	}
	step := stepOf(e.At)
	s := &c.steps[((step%stepsDay)+stepsDay)%stepsDay]
	switch {
	case s.step > step && s.counts != (stepCounts{}):
		return more // of a clock that went back by a day
	case s.step != step:
		s.step, s.counts = step, stepCounts{}
	}
	s.counts.add(r)
	return more
}

// since sums the last steps up to now.
func (c *requestCounter) since(now time.Time, steps int64) (sum RequestCounts) {
	if c == nil {
		return sum
	}
	last := stepOf(now)
	for i := range c.steps {
		if s := &c.steps[i]; s.step <= last && s.step > last-steps {
			sum.sum(s.counts)
		}
	}
	return sum
}

// CountRequests implements [RequestReader]: what this replica heard since it started, in steps of five minutes.
func (l *RecentRequests) CountRequests(_ context.Context, tenantID, directoryID string, now time.Time) (hour, day RequestCounts, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var c *requestCounter
	if t := l.of(tenantID); t != nil {
		c = t.counts[directoryID]
	}
	return c.since(now, stepsHour), c.since(now, stepsDay), nil
}
