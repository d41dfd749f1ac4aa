package scim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	ast "github.com/scim2/filter-parser/v2"

	"github.com/tenantgate/tenantgate/scim/internal/filter"
)

const urnPatchOp = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

const (
	opAdd     = "add"
	opRemove  = "remove"
	opReplace = "replace"
)

// operation is one operation of a PATCH (RFC 7644 section 3.5.2), normalised
// and with its path resolved.
type operation struct {
	op     string
	target field
	filter *condition     // between brackets, or nil
	terms  ast.Expression // the same as parsed, to make the value that an add doesn't find
	value  any
	given  bool // a value was sent, be it null
	lax    bool // from an object without path: read-only names are passed over
}

// patch is a PATCH request made ready: it can be applied to one version of the
// resource after another, when somebody else was faster.
type patch struct {
	rt      *resourceType
	dialect dialect
	ops     []operation
	members memberOps
	maxOps  int
	read    int   // operations so far; each key of one without a path counts
	work    *work // of the request
}

// parsePatch reads a PATCH body.
func (rt *resourceType) parsePatch(body map[string]any, p *filter.Parser, d dialect, maxOps, maxMembers int, spent *work) (*patch, error) {
	if v, ok := member(body, "schemas"); ok {
		if err := wantSchema(v, urnPatchOp); err != nil {
			return nil, err
		}
	}
	list, ok := d.operationList(body)
	if !ok {
		return nil, badRequest(TypeInvalidSyntax, "A PATCH needs an array named Operations.")
	}
	if len(list) > maxOps {
		return nil, tooManyOperations(maxOps)
	}
	out := &patch{rt: rt, dialect: d, members: memberOps{limit: maxMembers}, maxOps: maxOps, work: spent}
	for i, raw := range list {
		o, ok := raw.(map[string]any)
		if !ok {
			return nil, badRequest(TypeInvalidSyntax, "Operation %d has to be an object.", i+1)
		}
		if err := out.readOperation(o, p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func tooManyOperations(most int) *Error {
	return &Error{
		Status: http.StatusRequestEntityTooLarge, Type: TypeTooMany,
		Detail: fmt.Sprintf("A PATCH may have at most %d operations; send the rest in further requests.", most),
	}
}

func wantSchema(v any, urn string) error {
	for _, s := range elements(v) {
		if s, ok := s.(string); ok && strings.EqualFold(s, urn) {
			return nil
		}
	}
	return badRequest(TypeInvalidSyntax, "schemas has to hold %q.", urn)
}

// readOperation normalises one operation into one or, without a path, several.
func (p *patch) readOperation(o map[string]any, parser *filter.Parser) error {
	rawOp, _ := member(o, "op")
	name, _ := rawOp.(string)
	op := p.dialect.op(name)
	rawPath, _ := member(o, "path")
	path, isText := rawPath.(string)
	if rawPath != nil && !isText {
		return badRequest(TypeInvalidPath, "path has to be a string.")
	}
	if name == "" {
		op, path = p.dialect.memberOperation(o)
	}
	if op != opAdd && op != opRemove && op != opReplace {
		return badRequest(TypeInvalidSyntax, "op has to be add, remove or replace, not %q.", clip(name))
	}
	value, given := member(o, "value")
	if strings.TrimSpace(path) != "" {
		return p.add(operation{op: op, value: value, given: given}, path, parser)
	}
	if op == opRemove {
		return badRequest(TypeNoTarget, "A remove needs a path (RFC 7644 section 3.5.2.2).")
	}
	values, ok := value.(map[string]any)
	if !ok {
		return badRequest(TypeInvalidValue, "Without a path, value has to be an object of attributes.")
	}
	return p.expand(op, values, parser)
}

// expand turns the object of an operation without path into operations with
// one. Keys may be paths: Entra sends "name.givenName" and URN:attribute.
func (p *patch) expand(op string, values map[string]any, parser *filter.Parser) error {
	for _, key := range sortedKeys(values) {
		v := values[key]
		if c := p.rt.container(key); c != nil {
			m, ok := v.(map[string]any)
			if !ok && !p.dialect.cleared(v) {
				return badRequest(TypeInvalidValue, "%s has to be an object.", c.urn)
			}
			if !ok {
				if op == opReplace && c.extension {
					p.ops = append(p.ops, operation{op: op, target: field{ext: c}, given: true, lax: true})
				}
				continue
			}
			for _, name := range sortedKeys(m) {
				if err := p.add(operation{op: op, value: m[name], given: true, lax: true}, c.urn+":"+name, parser); err != nil {
					return err
				}
			}
			continue
		}
		if err := p.add(operation{op: op, value: v, given: true, lax: true}, key, parser); err != nil {
			return err
		}
	}
	return nil
}

// add resolves the path and appends the operation.
func (p *patch) add(o operation, path string, parser *filter.Parser) error {
	if p.read++; p.read > p.maxOps {
		return tooManyOperations(p.maxOps)
	}
	parsed, err := parser.Path(path)
	if err != nil {
		if o.lax {
			p.dialect.ignore(path)
			return nil
		}
		return badRequest(TypeInvalidPath, "The path can't be read: %s.", err)
	}
	known, err := p.resolve(&o, parsed)
	if err != nil {
		return err
	}
	if !known {
		if o.lax {
			p.dialect.ignore(path)
			return nil
		}
		return badRequest(TypeInvalidPath, "%s has no attribute %q.", p.rt.Name, clip(path))
	}
	if a := o.target.attr; a != nil {
		if a.Name == "schemas" {
			return nil // follows from what the resource holds
		}
		if a.Mutability == MutabilityReadOnly || o.target.leaf().Mutability == MutabilityReadOnly {
			if o.lax {
				return nil
			}
			return badRequest(TypeMutability, "%s is read-only.", o.target.name())
		}
		if p.rt.isMembers(a) {
			return p.members.read(o, p.dialect)
		}
	}
	if o.op != opRemove && !o.given {
		return badRequest(TypeInvalidValue, "The %s of %q needs a value.", o.op, clip(path))
	}
	p.ops = append(p.ops, o)
	return nil
}

func (p *patch) resolve(o *operation, parsed ast.Path) (known bool, err error) {
	f, ok := p.rt.resolve(parsed.AttributePath)
	if !ok && parsed.AttributePath.URIPrefix == nil {
		if f.ext, f.attr = p.dialect.borrowed(p.rt, parsed.AttributePath.AttributeName); f.attr != nil {
			ok = true
			if s := parsed.AttributePath.SubAttribute; s != nil {
				f.sub = f.attr.sub(*s)
				ok = f.sub != nil
			}
		}
	}
	if !ok {
		return false, nil
	}
	if parsed.SubAttribute != nil {
		if f.sub = f.attr.sub(*parsed.SubAttribute); f.sub == nil {
			return false, nil
		}
	}
	if parsed.ValueExpression != nil {
		if !f.attr.MultiValued || parsed.AttributePath.SubAttribute != nil {
			return false, badRequest(TypeInvalidPath, "Brackets need a multi-valued attribute; %s is none.", f.name())
		}
		o.terms = parsed.ValueExpression
		if o.filter, err = p.rt.compileInside(parsed.ValueExpression, f.attr, p.dialect); err != nil {
			return false, err
		}
	}
	o.target = f
	return f.attr != nil || f.ext != nil, nil
}

// draft is a document that is being changed. What it shares with the document that it
// was made of is copied before its first change, so that a thousand operations on one
// attribute copy it once.
type draft struct {
	doc map[string]any
	own map[any]bool // by *container and *attribute
}

// members is the object that holds the field's attribute, ready to be changed.
func (d *draft) members(f field) map[string]any {
	if f.ext == nil {
		return d.doc
	}
	in, _ := d.doc[f.ext.urn].(map[string]any)
	if !d.own[f.ext] || in == nil {
		d.own[f.ext] = true
		if in = maps.Clone(in); in == nil {
			in = map[string]any{}
		}
	}
	return in
}

// value is the attribute's value, ready to be changed.
func (d *draft) value(a *attribute, v any) any {
	if d.own[a] && !a.immutable() {
		return v
	}
	d.own[a] = true
	return clone(v)
}

// apply carries the operations out on a copy of doc. All of them or none
// take effect.
func (p *patch) apply(doc map[string]any) (map[string]any, error) {
	next := draft{doc: maps.Clone(doc), own: map[any]bool{}}
	for _, o := range p.ops {
		if err := p.applyOne(&next, o); err != nil {
			return nil, err
		}
	}
	return next.doc, nil
}

// needs are the members of a document that the operations look into, with those that the
// handler and the store's columns do. Keys follow from several members, so that all of
// these are needed if one is.
func (p *patch) needs() map[string]bool {
	if p.rt.secretInside {
		return nil // what is never returned must not be stored again, wherever it is
	}
	needs := map[string]bool{"userName": true, "displayName": p.rt.core.urn == URNGroup, "externalId": true, "active": true}
	keyed := false
	for _, o := range p.ops {
		key := o.target.key()
		needs[key] = true
		keyed = keyed || p.rt.keyed[key]
	}
	if keyed {
		maps.Copy(needs, p.rt.keyed)
	}
	return needs
}

// named is the part of a document that the operations speak of.
func (p *patch) named(doc map[string]any) map[string]any {
	out := map[string]any{}
	for _, o := range p.ops {
		f := o.target
		if f.attr == nil {
			out[f.key()] = doc[f.key()]
			continue
		}
		from, to := doc, out
		if f.ext != nil {
			from, _ = doc[f.ext.urn].(map[string]any)
			if to, _ = out[f.ext.urn].(map[string]any); to == nil {
				to = map[string]any{}
				out[f.ext.urn] = to
			}
		}
		if v, ok := from[f.attr.Name]; ok {
			to[f.attr.Name] = v
		}
	}
	return out
}

func (p *patch) applyOne(d *draft, o operation) error {
	f := o.target
	if f.attr == nil {
		return p.applyExtension(d, o)
	}
	in := d.members(f)
	before := in[f.attr.Name]
	after, err := p.change(d.value(f.attr, before), o)
	if err != nil {
		return err
	}
	if err := keepsImmutable(f.attr, before, after); err != nil {
		return err
	}
	if present(after) {
		in[f.attr.Name] = after
	} else {
		if f.attr.Required {
			return badRequest(TypeMutability, "%s is required and can't be removed.", f.name())
		}
		delete(in, f.attr.Name)
	}
	if f.ext != nil {
		if len(in) == 0 {
			delete(d.doc, f.ext.urn)
		} else {
			d.doc[f.ext.urn] = in
		}
	}
	return nil
}

// applyExtension changes an extension as a whole.
func (p *patch) applyExtension(d *draft, o operation) error {
	urn := o.target.ext.urn
	if o.op == opRemove || p.dialect.cleared(o.value) {
		delete(d.doc, urn)
		return nil
	}
	m, ok := o.value.(map[string]any)
	if !ok {
		return badRequest(TypeInvalidValue, "%s has to be an object.", urn)
	}
	for _, name := range sortedKeys(m) {
		a := o.target.ext.attr(name)
		if a == nil || a.Mutability == MutabilityReadOnly {
			continue
		}
		one := operation{op: o.op, target: field{ext: o.target.ext, attr: a}, value: m[name], given: true}
		if err := p.applyOne(d, one); err != nil {
			return err
		}
	}
	return nil
}

// immutable reports whether something of the attribute can be set only once.
func (a *attribute) immutable() bool {
	return a.Mutability == MutabilityImmutable || slices.ContainsFunc(a.subs, (*attribute).immutable)
}

// keepsImmutable refuses to change what was set once (RFC 7643 section 7).
func keepsImmutable(a *attribute, before, after any) error {
	if a.Mutability == MutabilityImmutable && present(before) && !equal(before, after) {
		return badRequest(TypeMutability, "%s is immutable: it can be set once.", a.path)
	}
	if !a.complex() || a.MultiValued {
		return nil
	}
	b, _ := before.(map[string]any)
	n, _ := after.(map[string]any)
	for _, s := range a.subs {
		if err := keepsImmutable(s, b[s.Name], n[s.Name]); err != nil {
			return err
		}
	}
	return nil
}
