package scim

import (
	"strings"

	"github.com/tenantgate/tenantgate/scim/internal/filter"
)

// projection is what attributes and excludedAttributes leave of a resource
// (RFC 7644 section 3.9).
type projection struct {
	rt      *resourceType
	chosen  bool // attributes was given
	want    map[string]*selection
	without map[string]*selection
	// written are the attributes that the request has given a value: those returned on
	// request alone are returned to whoever wrote them.
	written map[*attribute]bool
}

// selection is a part of a document: whole, or some members of it.
type selection struct {
	whole bool
	parts map[string]*selection
}

func (s *selection) part(name string) *selection {
	if s.parts == nil {
		s.parts = map[string]*selection{}
	}
	if s.parts[name] == nil {
		s.parts[name] = &selection{}
	}
	return s.parts[name]
}

// newProjection reads both lists; names that no schema knows select nothing.
func (rt *resourceType) newProjection(p *filter.Parser, attributes, excluded []string) *projection {
	out := &projection{rt: rt}
	out.want, out.chosen = rt.selections(p, attributes)
	out.without, _ = rt.selections(p, excluded)
	return out
}

func (rt *resourceType) selections(p *filter.Parser, names []string) (map[string]*selection, bool) {
	root, some := &selection{}, false
	for _, name := range names {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		some = true
		path, err := p.Path(name)
		if err != nil {
			continue
		}
		if path.SubAttribute != nil { // Microsoft's collection asks for emails[type eq "work"]: all of them, then
			path.AttributePath.SubAttribute = path.SubAttribute
		}
		u := path.AttributePath.URIPrefix
		if u != nil && path.AttributePath.AttributeName == "" && rt.container(*u) == rt.core {
			for _, a := range rt.core.attrs { // the core schema's URN: all of it
				root.part(a.Name).whole = true
			}
			continue
		}
		f, ok := rt.resolve(path.AttributePath)
		if !ok {
			continue
		}
		at := root.part(f.key())
		if f.ext != nil && f.attr != nil {
			at = at.part(f.attr.Name)
		}
		if f.sub != nil {
			at = at.part(f.sub.Name)
		}
		at.whole = true
	}
	return root.parts, some
}

// plain reports whether a stored body can be answered as it is but for whole
// attributes that aren't part of it (such as members).
func (p *projection) plain() bool {
	if p.chosen || p.rt.onRequest {
		return false
	}
	for name, s := range p.without {
		if !s.whole || !p.rt.relation(name) {
			return false
		}
	}
	return true
}

// relation reports whether an attribute is no part of stored bodies: a group's members and
// a user's groups.
func (rt *resourceType) relation(name string) bool {
	return rt.core.urn == URNGroup && name == "members" || rt.core.urn == URNUser && name == "groups"
}

// wants reports whether any of the top-level member is part of the answer.
func (p *projection) wants(name string) bool {
	if s := p.without[name]; s != nil && s.whole {
		return false
	}
	return !p.chosen || p.want[name] != nil
}

// apply returns the document's part that is answered.
func (p *projection) apply(doc map[string]any) map[string]any {
	out := make(map[string]any, len(doc))
	for _, a := range p.rt.common {
		p.keep(out, doc, a, p.want[a.Name], p.without[a.Name])
	}
	for _, a := range p.rt.core.attrs {
		p.keep(out, doc, a, p.want[a.Name], p.without[a.Name])
	}
	for _, c := range p.rt.exts {
		in, ok := doc[c.urn].(map[string]any)
		if !ok {
			continue
		}
		want, without := p.want[c.urn], p.without[c.urn]
		ext := make(map[string]any, len(in))
		for _, a := range c.attrs {
			p.keep(ext, in, a, inside(want, a.Name), inside(without, a.Name))
		}
		if len(ext) > 0 {
			out[c.urn] = ext
		}
	}
	return out
}

// inside is the part of s that concerns a member.
func inside(s *selection, name string) *selection {
	if s == nil || s.whole {
		return s
	}
	return s.parts[name]
}

// keep copies an attribute as its definition and both selections have it.
func (p *projection) keep(out, doc map[string]any, a *attribute, want, without *selection) {
	v, ok := doc[a.Name]
	if !ok || !p.returned(a, want, without) {
		return
	}
	if a.complex() {
		if a.Returned == ReturnedAlways {
			without = nil
			if want == nil {
				want = &selection{whole: true}
			}
		}
		v = p.keepSubs(v, a, want, without)
	}
	if present(v) || !a.complex() {
		out[a.Name] = v
	}
}

func (p *projection) returned(a *attribute, want, without *selection) bool {
	switch a.Returned {
	case ReturnedAlways:
		return true
	case ReturnedNever:
		return false
	}
	if without != nil && without.whole {
		return false
	}
	if want == nil {
		return !p.chosen && (a.Returned == ReturnedDefault || p.written[a])
	}
	return true
}

func (p *projection) keepSubs(v any, a *attribute, want, without *selection) any {
	one := func(e any) any {
		m, ok := e.(map[string]any)
		if !ok {
			return e
		}
		out := make(map[string]any, len(m))
		for _, s := range a.subs {
			p.keep(out, m, s, inside(want, s.Name), inside(without, s.Name))
		}
		return out
	}
	list, ok := v.([]any)
	if !ok {
		return one(v)
	}
	out := make([]any, 0, len(list))
	for _, e := range list {
		if e = one(e); present(e) {
			out = append(out, e)
		}
	}
	return out
}

// wrote notes which attributes a document gives a value, of those that are returned on
// request.
func (r *request) wrote(rt *resourceType, doc map[string]any) {
	if !rt.onRequest {
		return
	}
	for _, c := range rt.containers() {
		in := doc
		if c.extension {
			in, _ = doc[c.urn].(map[string]any)
		}
		for _, a := range c.attrs {
			if v, ok := in[a.Name]; ok {
				r.wroteValue(a, v)
			}
		}
	}
}

func (r *request) wroteValue(a *attribute, v any) {
	if a.Returned == ReturnedRequest {
		if r.written == nil {
			r.written = map[*attribute]bool{}
		}
		r.written[a] = true
	}
	for _, s := range a.subs {
		for _, e := range elements(v) {
			if m, ok := e.(map[string]any); ok && m[s.Name] != nil {
				r.wroteValue(s, m[s.Name])
			}
		}
	}
}
