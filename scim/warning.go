package scim

import "strings"

// Warning is something that a request asked for and that was passed over without
// failing the request.
type Warning struct {
	// Code is one of the constants.
	Code string `json:"code"`
	// Count is how often it happened in this request.
	Count int `json:"count"`
	// Names are the first few attributes or members concerned.
	Names []string `json:"names,omitempty"`
}

// The codes of warnings.
const (
	// WarningUnknownAttribute: attributes that no schema of the resource type has were ignored.
	WarningUnknownAttribute = "unknown_attribute"
	// WarningUnknownMember: members that are no user or group of this tenant, or not
	// yet, were accepted. They count from the day they arrive.
	WarningUnknownMember = "unknown_member"
	// WarningNestedGroup: a group is a member of a group. It is stored and shown, but
	// gives its own members nothing.
	WarningNestedGroup = "nested_group"
	// WarningPartlyRefused: the policy refused the request; what takes access away was
	// done, the rest was not.
	WarningPartlyRefused = "partly_refused"
)

// maxWarningNames bounds the names in one warning.
const maxWarningNames = 5

// warn notes what was passed over.
func (r *request) warn(code string, names ...string) {
	if len(names) == 0 {
		return
	}
	for i := range r.warnings {
		if w := &r.warnings[i]; w.Code == code {
			w.add(names)
			return
		}
	}
	w := Warning{Code: code}
	w.add(names)
	r.warnings = append(r.warnings, w)
}

func (w *Warning) add(names []string) {
	w.Count += len(names)
	for _, n := range names {
		if len(w.Names) == maxWarningNames {
			return
		}
		w.Names = append(w.Names, strings.Clone(clip(n))) // no part of the body, which would stay in memory with it
	}
}

// tellWarnings logs what was passed over.
func (h *Handler) tellWarnings(r *request) {
	names := uniqueStrings(r.unknown)
	for i, name := range names {
		if h.secrets.in(name) {
			names[i] = redacted
		}
	}
	r.warn(WarningUnknownAttribute, names...)
	for _, w := range r.warnings {
		h.log.InfoContext(r.Context(), "scim: accepted with a warning", "tenant", r.tenant, "method", r.Method, "path", r.URL.Path,
			"warning", w.Code, "count", w.Count, "names", w.Names)
	}
}
