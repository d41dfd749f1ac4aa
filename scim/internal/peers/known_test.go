package peers

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// result is one check that a peer made.
type result struct {
	check string
	ok    bool
	says  string
}

// deviation is a check that is known to fail.
type deviation struct {
	says string // a part of what the check says
	why  string // the heading that it stands under
}

// known is what a known.md says.
type known struct {
	floor      int
	deviations map[string]deviation
}

var (
	floorLine = regexp.MustCompile(`^At least (\d+) checks run\.$`)
	checkLine = regexp.MustCompile("^- `([^`]+)`: `([^`]+)`$")
	quoteLine = regexp.MustCompile(`^> RFC 764[34], section \d[.\d]*: "`)
)

// parseKnown reads a known.md. A heading without a check or without an RFC's words, and a check that stands twice, is an
// error: nothing is excused in passing.
func parseKnown(text string) (known, error) {
	k := known{deviations: map[string]deviation{}}
	var errs []error
	why, checks, quotes := "", 0, 0
	end := func() {
		if why != "" && (checks == 0 || quotes == 0) {
			errs = append(errs, fmt.Errorf("%q has %d checks and %d quotations of RFC 7643 or 7644", why, checks, quotes))
		}
		checks, quotes = 0, 0
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		floor, check := floorLine.FindStringSubmatch(line), checkLine.FindStringSubmatch(line)
		switch {
		case strings.HasPrefix(line, "## "):
			end()
			why = line[len("## "):]
		case floor != nil:
			k.floor, _ = strconv.Atoi(floor[1]) // all digits
		case check != nil:
			checks++
			if _, twice := k.deviations[check[1]]; twice || why == "" {
				errs = append(errs, fmt.Errorf("%q stands twice, or under no heading", check[1]))
			}
			k.deviations[check[1]] = deviation{says: check[2], why: why}
		case strings.HasPrefix(line, "- "):
			errs = append(errs, fmt.Errorf("%q is no check with what it says", line))
		case quoteLine.MatchString(line):
			quotes++
		}
	}
	end()
	if k.floor == 0 {
		errs = append(errs, errors.New("it does not say how many checks run at least"))
	}
	return k, errors.Join(errs...)
}

// judge says what a person has to look at: checks that fail without being known or with other words, known ones that do
// not fail, and a run that was too short.
func (k known) judge(results []result) []string {
	var out []string
	if len(results) < k.floor {
		out = append(out, fmt.Sprintf("%d checks ran, at least %d should", len(results), k.floor))
	}
	failed := map[string]bool{}
	for _, r := range results {
		if r.ok {
			continue
		}
		failed[r.check] = true
		// Line breaks and indentation are the peer's taste.
		says := strings.Join(strings.Fields(r.says), " ")
		switch d, listed := k.deviations[r.check]; {
		case !listed:
			out = append(out, fmt.Sprintf("%s fails: %s", r.check, says))
		case !strings.Contains(says, d.says):
			out = append(out, fmt.Sprintf("%s fails otherwise than known (%q): %s", r.check, d.says, says))
		}
	}
	for _, check := range slices.Sorted(maps.Keys(k.deviations)) {
		if !failed[check] {
			out = append(out, check+" is known to fail and did not: take it out of the list")
		}
	}
	return out
}

// table is what ran and what is known, for people.
func (k known) table(title string, results []result) string {
	by := map[string][]string{}
	failed := 0
	for _, r := range results {
		if r.ok {
			continue
		}
		failed++
		why := "NOT KNOWN"
		if d, listed := k.deviations[r.check]; listed {
			why = d.why
		}
		by[why] = append(by[why], r.check)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d checks, %d passed, %d failed\n", title, len(results), len(results)-failed, failed)
	for _, why := range slices.Sorted(maps.Keys(by)) {
		fmt.Fprintf(&b, "  %s\n", why)
		for _, check := range by[why] {
			fmt.Fprintf(&b, "    %s\n", check)
		}
	}
	return b.String()
}

func readKnown(t *testing.T, file string) known {
	t.Helper()
	text, err := files.ReadFile(file)
	require.NoError(t, err)
	k, err := parseKnown(string(text))
	require.NoError(t, err, file)
	return k
}

func TestParseKnown(t *testing.T) {
	const floor = "At least 2 checks run.\n"
	const good = floor + "## Why\n- `a`: `x y`\n- `b`: `z`\n\n> RFC 7643, section 2.5: \"words\n> words\"\n\nText.\n"
	k, err := parseKnown(good)
	require.NoError(t, err)
	require.Equal(t, known{floor: 2, deviations: map[string]deviation{"a": {"x y", "Why"}, "b": {"z", "Why"}}}, k)

	for name, bad := range map[string]string{
		"no floor":         strings.TrimPrefix(good, floor),
		"no RFC":           floor + "## Why\n- `a`: `x`\nText.\n",
		"no check":         floor + "## Why\n> RFC 7644, section 3.3: \"words\"\n",
		"no words":         good + "## Other\n- `c`\n> RFC 7644, section 3.3: \"words\"\n",
		"twice":            good + "## Other\n- `a`: `x`\n> RFC 7644, section 3.3: \"words\"\n",
		"under no heading": floor + "- `a`: `x`\n",
	} {
		_, err := parseKnown(bad)
		require.Error(t, err, name)
	}
}

func TestJudge(t *testing.T) {
	k := known{floor: 2, deviations: map[string]deviation{"a": {says: "x y"}}}
	for name, tt := range map[string]struct {
		results []result
		want    []string
	}{
		"as known":       {[]result{{"a", false, "1: x\n  y."}, {"b", true, ""}}, nil},
		"nothing ran":    {nil, []string{"0 checks ran, at least 2 should", "a is known to fail and did not: take it out of the list"}},
		"too few":        {[]result{{"a", false, "x y"}}, []string{"1 checks ran, at least 2 should"}},
		"not known":      {[]result{{"a", false, "x y"}, {"b", false, "no"}}, []string{"b fails: no"}},
		"otherwise":      {[]result{{"a", false, "z"}, {"b", true, ""}}, []string{`a fails otherwise than known ("x y"): z`}},
		"not any longer": {[]result{{"a", true, ""}, {"b", true, ""}}, []string{"a is known to fail and did not: take it out of the list"}},
	} {
		require.Equal(t, tt.want, k.judge(tt.results), name)
	}
	require.Equal(t, "T: 2 checks, 1 passed, 1 failed\n  NOT KNOWN\n    b\n", k.table("T", []result{{"a", true, ""}, {"b", false, ""}}))
}
