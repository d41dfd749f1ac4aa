package tenant

import (
	"strings"
	"time"
)

// ParseExpiry reads the optional date and time at which a client secret expires (R41):
// RFC 3339, or a local date and time, or a date, which means the end of that day.
// Local ones are in zone; nil means UTC. Empty gives the zero time.
func ParseExpiry(raw string, zone *time.Location) (time.Time, []Finding) {
	s := strings.TrimSpace(raw)
	if s == "" {
		return time.Time{}, nil
	}
	if zone == nil {
		zone = time.UTC
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return sane(t, s)
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return sane(t, s)
		}
	}
	if d, err := time.ParseInLocation(time.DateOnly, s, zone); err == nil {
		end := time.Date(d.Year(), d.Month(), d.Day()+1, 0, 0, 0, 0, zone).Add(-time.Second)
		return sane(end, s)
	}
	return badDate(s)
}

// sane refuses years that are typing errors and that stores can't keep.
func sane(t time.Time, raw string) (time.Time, []Finding) {
	if t.Year() < 2000 || t.Year() > 2999 {
		return badDate(raw)
	}
	return t.UTC(), nil
}

func badDate(raw string) (time.Time, []Finding) {
	f := errorFinding(FieldSecretExpiry, CodeDateInvalid, "This is not a date and time. Expected one such as 2027-05-31T18:00.").got(shown(raw))
	f.Expected = "2027-05-31T18:00"
	return time.Time{}, []Finding{f}
}

// checkExpiry looks at the instant itself. confirmed accepts one in the past, for
// recording what is known.
func checkExpiry(t, now time.Time, authority string, confirmed bool) []Finding {
	switch {
	case t.IsZero():
		return nil
	case t.Year() < 2000 || t.Year() > 2999:
		_, f := badDate(t.UTC().Format(time.RFC3339))
		return f
	case !t.After(now):
		f := errorFinding(FieldSecretExpiry, CodeSecretExpiredAlready, "This date has passed: the secret would have expired already. Make a new secret at your provider.").
			got(t.UTC().Format(time.RFC3339))
		if confirmed {
			f.Severity = SeverityWarning
		}
		return []Finding{f}
	}
	if g := guideOf(DetectProvider(authority)); g.SecretMonths > 0 && t.After(now.AddDate(0, g.SecretMonths, 1)) {
		return []Finding{warning(FieldSecretExpiry, CodeSecretExpiryFar, "Secrets of %s last %d months at most. Look at the date again.", g.Name, g.SecretMonths).
			got(t.UTC().Format(time.RFC3339))}
	}
	return nil
}
