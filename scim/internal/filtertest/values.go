package filtertest

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"time"
)

// values makes values of all types. The few words, numbers and times of one
// round come again and again, so that comparisons often match.
type values struct {
	r       *rand.Rand
	words   []string
	numbers []string
	times   []string
}

// begin is where the clock of each round stands at first.
var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newValues(r *rand.Rand) *values {
	v := &values{r: r}
	for range 14 {
		w := pick(r, words)
		v.words = append(v.words, w)
		if chance(r, 40) {
			v.words = append(v.words, short(mutate(r, w), 1000))
		}
	}
	v.numbers = []string{
		"0", "1", "-1", "2", "10", "9", "-10", "100", "9007199254740992", "9007199254740993", "-9007199254740993",
		"9223372036854775807", "-9223372036854775808", "9223372036854775806",
	}
	v.times = []string{"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59.999999999Z", "2024-02-29"}
	for range 6 {
		v.times = append(v.times, v.spell(begin.Add(v.jump())))
	}
	return v
}

// jump is a duration of any size, often a small one.
func (v *values) jump() time.Duration {
	return time.Duration(v.r.IntN(4)) * pick(v.r, []time.Duration{1, 1000, time.Microsecond * 500, time.Millisecond, time.Second, time.Hour, 24 * time.Hour, 24 * 400 * time.Hour})
}

// spell writes a time in one of the forms that are understood.
func (v *values) spell(t time.Time) string {
	zone := time.FixedZone("", pick(v.r, []int{2 * 3600, -5*3600 - 1800, 14 * 3600, -60}))
	switch v.r.IntN(8) {
	case 0:
		return t.Format("2006-01-02T15:04:05.0000000Z") // as Microsoft writes it
	case 1:
		return t.In(zone).Format(time.RFC3339Nano)
	case 2:
		return t.In(zone).Format("2006-01-02T15:04:05.000-0700")
	case 3:
		return t.Format("2006-01-02T15:04:05.999999999")
	case 4:
		return t.Format(time.DateOnly)
	case 5:
		return t.Format(time.RFC3339)
	}
	return t.Format(time.RFC3339Nano)
}

// word is a text of the round, without U+0000, which no resource may hold.
func (v *values) word() string {
	for {
		w := pick(v.r, v.words)
		clean := true
		for _, c := range w {
			clean = clean && c != 0
		}
		if clean {
			return w
		}
	}
}

// of is a value for a single-valued attribute that isn't complex, as clients send it.
func (v *values) of(a *attribute) any {
	switch a.Type {
	case "boolean":
		if chance(v.r, 10) {
			return pick(v.r, []string{"True", "False"})
		}
		return chance(v.r, 50)
	case "integer":
		return json.Number(pick(v.r, v.numbers))
	case "decimal":
		return json.Number(pick(v.r, append([]string{"1.5", "-1.50", "0.1", "1e2", "1.0", "-0.0", "0.30000000000000004", "1E-7", "9007199254740992.5", "1e300"}, v.numbers...)))
	case "dateTime":
		return pick(v.r, v.times)
	case "binary":
		return v.binary()
	}
	if a.Name == "type" && chance(v.r, 80) {
		return pick(v.r, []string{"work", "home", "Work", "other"})
	}
	return v.word()
}

// binary is base64, in pairs that differ in case alone.
func (v *values) binary() string {
	return pick(v.r, []string{"AbCd", "aBcD", "abcd", "ABCD", "AAAA", "+/+/", "-_-_", "TQ==", "tQ==", "TQ", base64.StdEncoding.EncodeToString([]byte(short(v.word(), 600)))})
}

// whole is a value of any attribute, or nil for none.
func (v *values) whole(a *attribute) any {
	one := func() any {
		if a.Type != "complex" {
			return v.of(a)
		}
		m := map[string]any{}
		for _, s := range a.SubAttributes {
			if s.Mutability == "readOnly" || !chance(v.r, 65) || s.Name == "primary" && !chance(v.r, 50) {
				continue
			}
			if e := v.whole(s); e != nil {
				m[s.Name] = e
			}
		}
		return m
	}
	if !a.MultiValued {
		return one()
	}
	var list []any
	primary := false
	for range v.r.IntN(4) {
		e := one()
		if m, ok := e.(map[string]any); ok && m["primary"] != nil && truth(m["primary"]) {
			if primary {
				m["primary"] = false
			}
			primary = true
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

// unique makes a text that no other resource has.
func (v *values) unique(n int) string { return short(v.word(), 900) + strconv.Itoa(n) }
