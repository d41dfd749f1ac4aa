package portal

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/tenant"
)

// The words of the pages are English in templates and code; a file for each other language has their translations. A text that
// counts has two forms, for one and for all other numbers.

//go:embed texts/*.json
var textFiles embed.FS

//go:embed templates/*.html
var templateFiles embed.FS

const english = "en"

// findingText is the key of a translation of all findings and refusals with a code; {expected}, {got} and {suggestion} in it
// stand for what the finding says.
func findingText(code string) string { return "code:" + code }

// guideText is the key of a translation of a guide's text.
func guideText(id string) string { return "guide:" + id }

// printer says everything in one language.
type printer struct {
	language string
	texts    map[string]string
	pages    *template.Template
}

// newPrinters makes one for each language that there are words of, ours and the host's.
func newPrinters(more map[string]map[string]string) (map[string]*printer, error) {
	all, err := builtinTexts()
	if err != nil {
		return nil, err
	}
	for language, texts := range more {
		if language == "" || strings.ContainsAny(language, " _/\"<>&") {
			return nil, fmt.Errorf("portal: Config.Texts: expected languages such as fr or pt-BR, got %q", language)
		}
		language = strings.ToLower(language)
		if all[language] == nil {
			all[language] = map[string]string{}
		}
		maps.Copy(all[language], texts)
	}
	printers := map[string]*printer{}
	for language, texts := range all {
		p := &printer{language: language, texts: texts}
		for key, text := range texts {
			if err := sameVerbs(key, text); err != nil {
				return nil, fmt.Errorf("portal: the text %q in %s: %w", key, language, err)
			}
		}
		if p.pages, err = template.New("").Funcs(p.funcs()).ParseFS(templateFiles, "templates/*.html"); err != nil {
			return nil, fmt.Errorf("portal: templates: %w", err)
		}
		printers[language] = p
	}
	return printers, nil
}

func builtinTexts() (map[string]map[string]string, error) {
	all := map[string]map[string]string{english: {}}
	entries, err := textFiles.ReadDir("texts")
	if err != nil {
		return nil, fmt.Errorf("portal: texts: %w", err)
	}
	for _, e := range entries {
		raw, err := textFiles.ReadFile("texts/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("portal: texts: %w", err)
		}
		texts := map[string]string{}
		if err := json.Unmarshal(raw, &texts); err != nil {
			return nil, fmt.Errorf("portal: texts/%s: %w", e.Name(), err)
		}
		all[strings.TrimSuffix(e.Name(), ".json")] = texts
	}
	return all, nil
}

// sameVerbs refuses a translation that would print its arguments wrongly.
func sameVerbs(english, text string) error {
	if strings.HasPrefix(english, "code:") || strings.HasPrefix(english, "guide:") {
		return nil
	}
	if a, b := verbs(english), verbs(text); !slices.Equal(a, b) {
		return fmt.Errorf("expected the placeholders %v, got %v", a, b)
	}
	return nil
}

// verbs are the placeholders of a format, in the order of their arguments.
func verbs(format string) []string {
	var out []string
	explicit := map[int]string{}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			continue
		}
		i++
		at := 0
		if format[i] == '[' {
			end := strings.IndexByte(format[i:], ']')
			if end < 0 || i+end+1 >= len(format) {
				continue
			}
			at, _ = strconv.Atoi(format[i+1 : i+end])
			i += end + 1
		}
		switch {
		case format[i] == '%':
		case at > 0:
			explicit[at] = string(format[i])
		default:
			out = append(out, string(format[i]))
		}
	}
	for _, at := range slices.Sorted(maps.Keys(explicit)) {
		out = append(out, explicit[at])
	}
	return out
}

// text translates a format and fills it in.
func (p *printer) text(english string, args ...any) string {
	format := cmp.Or(p.texts[english], english)
	if len(args) == 0 {
		return strings.ReplaceAll(format, "%%", "%")
	}
	return fmt.Sprintf(format, args...)
}

// count is text for a number, which is its first argument.
func (p *printer) count(n int, one, other string, args ...any) string {
	if n == 1 {
		other = one
	}
	return p.text(other, append([]any{n}, args...)...)
}

// finding is what a finding says, in the language as far as it has words for its code: those for the code and the field, else, of a
// finding that all is in order, those for that, else those for the code alone.
func (p *printer) finding(f tenant.Finding) string {
	keys := []string{f.Code + "@" + f.Field, f.Code}
	if f.Severity == tenant.SeverityOK {
		keys = []string{f.Code + "@" + f.Field, f.Code + "/ok", f.Code}
	}
	for _, key := range keys {
		if text := p.texts[findingText(key)]; text != "" {
			return strings.TrimSpace(strings.NewReplacer("{expected}", f.Expected, "{got}", f.Got, "{suggestion}", f.Suggestion).Replace(text))
		}
	}
	return f.Message
}

// refusal is a message with a code.
func (p *printer) refusal(code, message string) string {
	return p.finding(tenant.Finding{Code: code, Message: message})
}

// englishPhrase is what a finding expects in words, where others expect a value.
var englishPhrase = regexp.MustCompile(`^(an?|at most|at least|one of) |, or `)

// value is what a finding expects, as far as it is no English phrase on a page in another language: the finding's own words say it there.
func (p *printer) value(expected string) string {
	if p.language != english && englishPhrase.MatchString(expected) {
		return ""
	}
	return expected
}

// condition says what works only in part, and what to do about it.
func (p *printer) condition(c tenant.Condition) string {
	return p.refusal("mode."+string(c.Mode), strings.TrimSpace(c.Message+" "+c.Action))
}

// banner is the sentence for the top of all pages.
func (p *printer) banner(h tenant.Health) string {
	for _, c := range h.Conditions {
		if c.Message == h.Banner && h.Banner != "" {
			return p.refusal("mode."+string(c.Mode), h.Banner)
		}
	}
	return h.Banner
}

// guide translates a provider's guide.
func (p *printer) guide(g tenant.Guide) tenant.Guide {
	if p.language == english && len(p.texts) == 0 {
		return g
	}
	return g.Translate(func(id, text string) string { return cmp.Or(p.texts[guideText(id)], text) })
}

// guideError translates one explanation of a guide.
func (p *printer) guideError(e tenant.GuideError) tenant.GuideError {
	for _, t := range []*tenant.GuideText{&e.What, &e.Fix} {
		t.Text = cmp.Or(p.texts[guideText(t.ID)], t.Text)
	}
	return e
}

// explanation translates a part of a guide's explanation, "what" or "fix", of which the ID alone is known.
func (p *printer) explanation(id, part, text string) string {
	provider, id, _ := strings.Cut(id, ".")
	return cmp.Or(p.texts[guideText("guide."+provider+".error."+id+"."+part)], text)
}

// date is a point in time in the visitor's zone, with the zone.
func (p *printer) date(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return p.text("never")
	}
	t = t.In(zone)
	months := [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
	return p.text("%[1]d %[2]s %[3]d, %[4]s", t.Day(), p.text(months[t.Month()-1]), t.Year(), t.Format("15:04 MST"))
}

func (p *printer) funcs() template.FuncMap {
	funcs := template.FuncMap{
		"t":           p.text,
		"n":           p.count,
		"finding":     p.finding,
		"refusal":     p.refusal,
		"event":       p.event,
		"hint":        hint,
		"value":       p.value,
		"explanation": p.explanation,
		"condition":   p.condition,
		"words":       func(code string) bool { return p.texts[findingText(code)] != "" },
		"check":       func(c any) string { return p.finding(asFinding(c)) },
		"date":        func(g *page, t time.Time) string { return p.date(t, g.zone) },
		"iso":         func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"input":       p.input,
		"choice":      p.choice,
		"dict":        dict,
		"list":        func(items ...any) []any { return items },
		"join":        strings.Join,
		"add":         func(a, b int) int { return a + b },
	}
	maps.Copy(funcs, provisioning.LockFuncs(p.language))
	return funcs
}

// dict makes a map of pairs, for templates that take several values.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: expected pairs, got %d values", len(pairs))
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: expected a string as key, got %T", pairs[i])
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}

// languageFor chooses the printer: the host's wish, else the browser's (RFC 9110, 12.5.4), else English.
func (h *Handler) languageFor(wish, accept string) *printer {
	for _, tag := range append([]string{wish}, acceptedLanguages(accept)...) {
		for tag = strings.ToLower(tag); tag != ""; {
			if p := h.printer[tag]; p != nil {
				return p
			}
			i := strings.LastIndexByte(tag, '-')
			tag = tag[:max(i, 0)]
		}
	}
	return h.printer[english]
}

// acceptedLanguages are the tags of an Accept-Language header, best first.
func acceptedLanguages(header string) []string {
	type wish struct {
		tag     string
		quality float64
	}
	var wishes []wish
	if len(header) > 1000 {
		return nil
	}
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		w := wish{strings.TrimSpace(tag), 1}
		if q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
			var err error
			if w.quality, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		if w.tag != "" && w.quality > 0 {
			wishes = append(wishes, w)
		}
	}
	slices.SortStableFunc(wishes, func(a, b wish) int { return cmp.Compare(b.quality, a.quality) })
	tags := make([]string, len(wishes))
	for i, w := range wishes {
		tags[i] = w.tag
	}
	return tags
}
