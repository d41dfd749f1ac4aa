package peerbench

import (
	"maps"
	"reflect"
	"slices"

	elimity "github.com/elimity-com/scim"
	scimerrors "github.com/elimity-com/scim/errors"
	elimityfilter "github.com/elimity-com/scim/filter"
	"github.com/elimity-com/scim/schema"
	filter "github.com/scim2/filter-parser/v2"
)

// apply does one operation, which the peer has checked, on attributes that are the
// caller's own at the top level: whatever is below is copied before it is changed.
// A value path that matches nothing is an error: nothing is made for it.
func (c *collection) apply(attributes elimity.ResourceAttributes, op elimity.PatchOperation) error {
	if op.Path != nil {
		return c.applyPath(attributes, op.Op, *op.Path, op.Value)
	}
	values, ok := op.Value.(map[string]any)
	if !ok {
		return scimerrors.ScimErrorInvalidValue
	}
	for key, v := range values {
		if extension := c.schemaOf(key); key != c.schema.ID && extension != nil {
			merged := maps.Clone(object(attributes[key]))
			maps.Copy(merged, object(v))
			attributes[key] = merged
			continue
		}
		path, err := filter.ParsePath([]byte(key))
		if err != nil {
			return scimerrors.ScimErrorInvalidPath
		}
		if err := c.applyPath(attributes, op.Op, path, v); err != nil {
			return err
		}
	}
	return nil
}

func (c *collection) schemaOf(urn string) *schema.Schema {
	if urn == "" || urn == c.schema.ID {
		return &c.schema
	}
	for i := range c.extensions {
		if c.extensions[i].ID == urn {
			return &c.extensions[i]
		}
	}
	return nil
}

func object(v any) map[string]any {
	if m, ok := v.(map[string]any); ok {
		return m
	}
	return map[string]any{}
}

func (c *collection) applyPath(attributes elimity.ResourceAttributes, op string, path filter.Path, value any) error {
	urn := path.AttributePath.URI()
	s := c.schemaOf(urn)
	if s == nil {
		return scimerrors.ScimErrorInvalidPath
	}
	into := map[string]any(attributes)
	if s != &c.schema {
		into = maps.Clone(object(attributes[urn]))
		attributes[urn] = into
	}
	attr, ok := s.Attributes.ContainsAttribute(path.AttributePath.AttributeName)
	if !ok && path.AttributePath.AttributeName == schema.CommonAttributeExternalID {
		set(into, op, schema.CommonAttributeExternalID, value)
		return nil
	}
	if !ok {
		return scimerrors.ScimErrorInvalidPath
	}
	sub := path.SubAttributeName()
	if sub == "" {
		sub = path.AttributePath.SubAttributeName()
	}
	if sub != "" {
		if a, ok := attr.SubAttributes().ContainsAttribute(sub); ok {
			sub = a.Name()
		}
	}
	switch {
	case path.ValueExpression != nil:
		return applyMatching(into, op, attr, path.ValueExpression, sub, value)
	case sub != "":
		changed := maps.Clone(object(into[attr.Name()]))
		set(changed, op, sub, value)
		into[attr.Name()] = changed
	case op == elimity.PatchOperationAdd && attr.MultiValued():
		into[attr.Name()] = union(list(into[attr.Name()]), list(value))
	case op == elimity.PatchOperationRemove && attr.MultiValued() && value != nil:
		into[attr.Name()] = slices.DeleteFunc(slices.Clone(list(into[attr.Name()])), func(e any) bool {
			return slices.ContainsFunc(list(value), func(v any) bool { return sameValue(e, v) })
		})
	case op == elimity.PatchOperationAdd && attr.HasSubAttributes():
		changed := maps.Clone(object(into[attr.Name()]))
		maps.Copy(changed, object(value))
		into[attr.Name()] = changed
	default:
		set(into, op, attr.Name(), value)
	}
	return nil
}

func set(into map[string]any, op, name string, value any) {
	if op == elimity.PatchOperationRemove {
		delete(into, name)
		return
	}
	into[name] = value
}

// applyMatching changes the values of a multi-valued attribute for which the
// expression holds.
func applyMatching(into map[string]any, op string, attr schema.CoreAttribute, e filter.Expression, sub string, value any) error {
	holds := elimityfilter.NewFilterValidator(e, schema.Schema{Attributes: elimityfilter.MultiValuedFilterAttributes(attr)})
	var out []any
	matched := false
	for _, v := range list(into[attr.Name()]) {
		m, ok := v.(map[string]any)
		if !ok || holds.PassesFilter(m) != nil {
			out = append(out, v)
			continue
		}
		matched = true
		switch {
		case sub != "":
			m = maps.Clone(m)
			set(m, op, sub, value)
			out = append(out, m)
		case op != elimity.PatchOperationRemove:
			out = append(out, value)
		}
	}
	if !matched && op != elimity.PatchOperationRemove {
		return scimerrors.ScimErrorNoTarget
	}
	into[attr.Name()] = out
	return nil
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// union appends what is not there yet.
func union(have, more []any) []any {
	out := slices.Clone(have)
	for _, v := range more {
		if !slices.ContainsFunc(have, func(h any) bool { return sameValue(h, v) }) {
			out = append(out, v)
		}
	}
	return out
}

// sameValue compares complex values by their "value".
func sameValue(a, b any) bool {
	x, okX := a.(map[string]any)
	y, okY := b.(map[string]any)
	if okX && okY && x["value"] != nil {
		return x["value"] == y["value"]
	}
	return reflect.DeepEqual(a, b)
}
