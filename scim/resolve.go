package scim

import (
	"strings"

	ast "github.com/scim2/filter-parser/v2"
)

// field is an attribute that a path names: where it stands in a document and
// how it is defined. attr is nil when the path is an extension's URN alone.
type field struct {
	ext  *container // nil for core and common attributes
	attr *attribute
	sub  *attribute
}

// resolve finds what a path names. ok is false for names that no schema of the
// type has.
func (rt *resourceType) resolve(p ast.AttributePath) (f field, ok bool) {
	c := rt.core
	if p.URIPrefix != nil {
		if c = rt.container(*p.URIPrefix); c == nil {
			return field{}, false
		}
		if c.extension {
			f.ext = c
		}
	}
	if p.AttributeName == "" {
		return f, true
	}
	f.attr = c.attr(p.AttributeName)
	if f.attr == nil && f.ext == nil {
		f.attr = rt.common[strings.ToLower(p.AttributeName)]
	}
	if f.attr == nil {
		return field{}, false
	}
	if p.SubAttribute != nil {
		if f.sub = f.attr.sub(*p.SubAttribute); f.sub == nil {
			return field{}, false
		}
	}
	return f, true
}

// name is the path as the schema spells it.
func (f field) name() string {
	var b strings.Builder
	if f.ext != nil {
		b.WriteString(f.ext.urn)
		if f.attr != nil {
			b.WriteByte(':')
		}
	}
	if f.attr != nil {
		b.WriteString(f.attr.Name)
	}
	if f.sub != nil {
		b.WriteString("." + f.sub.Name)
	}
	return b.String()
}

// key is the name of the document's member that holds the field.
func (f field) key() string {
	if f.ext != nil {
		return f.ext.urn
	}
	return f.attr.Name
}

// leaf is the definition of the values that the field stands for.
func (f field) leaf() *attribute {
	if f.sub != nil {
		return f.sub
	}
	return f.attr
}

// elements are the attribute's values in the document, before sub is looked at.
func (f field) elements(doc map[string]any) []any {
	if f.ext != nil {
		doc, _ = doc[f.ext.urn].(map[string]any)
	}
	return elements(doc[f.attr.Name])
}
