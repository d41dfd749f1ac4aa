package filtertest

import (
	_ "embed" // the host's schemas
	"fmt"
	"strings"
)

// The schemas of a host, as the Schemas endpoint would publish them: two extensions,
// of users and groups, and a resource type with its extension. Between them they
// have each type of attribute, and names that the core schemas have too. The
// handler under test has to serve them, devices at "/Devices".
var (
	//go:embed schemas/staff.json
	Staff []byte
	//go:embed schemas/crew.json
	Crew []byte
	//go:embed schemas/device.json
	Device []byte
	//go:embed schemas/lease.json
	Lease []byte
)

// attribute is an attribute as the Schemas endpoint publishes it.
type attribute struct {
	Name          string
	Type          string
	MultiValued   bool
	CaseExact     bool
	Required      bool
	Mutability    string
	Returned      string
	Uniqueness    string
	SubAttributes []*attribute
}

// value is the sub-attribute that the attribute stands for, if it has one of that name.
func (a *attribute) value() *attribute {
	for _, s := range a.SubAttributes {
		if s.Name == "value" {
			return s
		}
	}
	return nil
}

// folded reports whether strings of the attribute are compared without regard to case.
func (a *attribute) folded() bool {
	return !a.CaseExact && (a.Type == "string" || a.Type == "reference")
}

// commonAttributes are those of RFC 7643 section 3.1, which no schema publishes.
func commonAttributes() []*attribute {
	return []*attribute{
		{Name: "schemas", Type: "reference", MultiValued: true, Mutability: "readOnly"},
		{Name: "id", Type: "string", CaseExact: true, Mutability: "readOnly"},
		{Name: "externalId", Type: "string", CaseExact: true},
		{Name: "meta", Type: "complex", Mutability: "readOnly", SubAttributes: []*attribute{
			{Name: "resourceType", Type: "string", CaseExact: true},
			{Name: "created", Type: "dateTime"},
			{Name: "lastModified", Type: "dateTime"},
			{Name: "location", Type: "reference", CaseExact: true},
			{Name: "version", Type: "string", CaseExact: true},
		}},
	}
}

// schema is a published schema.
type schema struct {
	ID         string
	Attributes []*attribute
}

// resourceType is a published resource type with its schemas.
type resourceType struct {
	Name, Endpoint, Schema string
	SchemaExtensions       []struct{ Schema string }

	core *schema
	exts []*schema
	// attrs are the paths of all attributes that a client may read.
	attrs []path
}

// path names an attribute, or one of its sub-attributes.
type path struct {
	urn  string // the extension's, or empty
	core string // the core schema's, for attributes that may be written with it
	attr *attribute
	sub  *attribute
}

func (p path) leaf() *attribute {
	if p.sub != nil {
		return p.sub
	}
	return p.attr
}

// name is the path as clients write it.
func (p path) name() string {
	name := p.attr.Name
	if p.urn != "" {
		name = p.urn + ":" + name
	}
	if p.sub != nil {
		name += "." + p.sub.Name
	}
	return name
}

// withSubs lists the path and those of the sub-attributes.
func (p path) withSubs() []path {
	out := []path{p}
	for _, s := range p.attr.SubAttributes {
		if s.Returned != "never" {
			out = append(out, path{urn: p.urn, core: p.core, attr: p.attr, sub: s})
		}
	}
	return out
}

// elements are the attribute's values in a resource.
func (p path) elements(doc map[string]any) []any {
	if p.urn != "" {
		doc, _ = doc[p.urn].(map[string]any)
	}
	return list(doc[p.attr.Name])
}

// values are those of the path in a resource, without empty ones.
func (p path) values(doc map[string]any) (out []any) {
	for _, e := range p.elements(doc) {
		if p.sub == nil {
			out = append(out, nonEmpty(e)...)
			continue
		}
		m, _ := e.(map[string]any)
		for _, v := range list(m[p.sub.Name]) {
			out = append(out, nonEmpty(v)...)
		}
	}
	return out
}

func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func nonEmpty(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if v == "" {
			return nil
		}
	case map[string]any:
		if len(v) == 0 {
			return nil
		}
	}
	return []any{v}
}

// resourceTypes reads what the handler publishes.
func resourceTypes(c *client) ([]*resourceType, error) {
	var types struct{ Resources []*resourceType }
	if err := c.get("/ResourceTypes", &types); err != nil {
		return nil, err
	}
	var published struct{ Resources []*schema }
	if err := c.get("/Schemas", &published); err != nil {
		return nil, err
	}
	byID := map[string]*schema{}
	for _, s := range published.Resources {
		byID[s.ID] = s
	}
	for _, rt := range types.Resources {
		if rt.core = byID[rt.Schema]; rt.core == nil {
			return nil, fmt.Errorf("the schema %s is not published", rt.Schema)
		}
		rt.readable(&schema{Attributes: commonAttributes()}, "", rt.core.ID)
		rt.readable(rt.core, "", rt.core.ID)
		for _, e := range rt.SchemaExtensions {
			s := byID[e.Schema]
			if s == nil {
				return nil, fmt.Errorf("the schema %s is not published", e.Schema)
			}
			rt.exts = append(rt.exts, s)
			rt.readable(s, s.ID, "")
		}
	}
	return types.Resources, nil
}

func (rt *resourceType) readable(s *schema, urn, core string) {
	for _, a := range s.Attributes {
		if a.Returned != "never" {
			rt.attrs = append(rt.attrs, path{urn: urn, core: core, attr: a})
		}
	}
}

// everything asks for all attributes, also those that are returned on request alone.
func (rt *resourceType) everything() string {
	var names []string
	for _, p := range rt.attrs {
		names = append(names, p.name())
		for _, s := range p.withSubs()[1:] {
			if s.sub.Returned == "request" {
				names = append(names, s.name())
			}
		}
	}
	return strings.Join(names, ",")
}
