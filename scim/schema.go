package scim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// Schema is a named set of attributes (RFC 7643 section 7).
type Schema struct {
	// ID is the schema's URN.
	ID string
	// Name and Description are told by the Schemas endpoint.
	Name, Description string
	// Attributes are the schema's attributes, without id, externalId, meta and
	// schemas, which every resource has.
	Attributes []Attribute
}

// Extension adds a schema to a resource type (RFC 7643 section 3.3).
type Extension struct {
	Schema Schema
	// Required refuses resources without a value of the extension.
	Required bool
}

// ResourceType is a kind of resource and the endpoint it lives at (RFC 7643
// section 6). Users and groups are built in; a host adds its own with
// [Config.ResourceTypes].
type ResourceType struct {
	// Name is the type's name and ID, such as "Device".
	Name string
	// Endpoint is the path below the base URL, such as "/Devices".
	Endpoint string
	// Description is told by the ResourceTypes endpoint.
	Description string
	// Schema is the core schema, Extensions what may come on top.
	Schema     Schema
	Extensions []Extension
	// Store keeps the resources. Nil means Config.Store, which then has to have
	// the optional store.SCIMResourceStore.
	Store store.SCIMResourceStore
}

// attribute is an Attribute made ready for look-ups.
type attribute struct {
	Attribute
	path string // as in errors: "name.givenName"
	subs []*attribute
	by   map[string]*attribute // lower-case name
}

func (a *attribute) sub(name string) *attribute { return a.by[strings.ToLower(name)] }

// folded reports whether values are compared without regard to case.
func (a *attribute) folded() bool { return !a.CaseExact && a.Type == TypeString }

func (a *attribute) complex() bool { return a.Type == TypeComplex }

// container is a schema made ready: the core schema or an extension.
type container struct {
	urn       string
	schema    Schema
	extension bool
	required  bool
	attrs     []*attribute
	by        map[string]*attribute
}

func (c *container) attr(name string) *attribute { return c.by[strings.ToLower(name)] }

// resourceType is a ResourceType made ready.
type resourceType struct {
	ResourceType
	core *container
	exts []*container
	// common are id, externalId, schemas and meta (RFC 7643 section 3.1).
	common map[string]*attribute
	// onRequest is true if an attribute is returned on request alone, so that
	// a stored body can't be sent as it is.
	onRequest bool
	// unique are the fields whose values the store keeps apart; keyed are the members of a
	// document that keys follow from.
	unique []field
	keyed  map[string]bool
	// secretInside is true if a sub-attribute is never returned.
	secretInside bool
	// all shows what is returned by default.
	all *projection
}

func newResourceType(def ResourceType) (*resourceType, error) {
	if def.Name == "" || !strings.HasPrefix(def.Endpoint, "/") || strings.Contains(def.Endpoint[1:], "/") {
		return nil, fmt.Errorf("scim: resource type %q needs a Name and an Endpoint like %q, got %q", def.Name, "/Devices", def.Endpoint)
	}
	rt := &resourceType{ResourceType: def, common: map[string]*attribute{}}
	var err error
	if rt.core, err = newContainer(def.Schema); err != nil {
		return nil, fmt.Errorf("scim: resource type %s: %w", def.Name, err)
	}
	for _, e := range def.Extensions {
		c, err := newContainer(e.Schema)
		if err != nil {
			return nil, fmt.Errorf("scim: resource type %s: %w", def.Name, err)
		}
		if rt.container(c.urn) != nil {
			return nil, fmt.Errorf("scim: resource type %s has schema %s twice", def.Name, c.urn)
		}
		c.extension, c.required = true, e.Required
		rt.exts = append(rt.exts, c)
	}
	for _, a := range commonAttributes() {
		ready, err := newAttribute(a, "")
		if err != nil {
			return nil, err
		}
		rt.common[strings.ToLower(a.Name)] = ready
		if rt.core.attr(a.Name) != nil {
			return nil, fmt.Errorf("scim: schema %s must not define %s, which every resource has", def.Schema.ID, a.Name)
		}
	}
	rt.onRequest = rt.anyReturned(ReturnedRequest)
	rt.all = &projection{rt: rt}
	rt.unique, rt.keyed = rt.uniqueFields(), map[string]bool{}
	for _, f := range rt.unique {
		rt.keyed[f.key()] = true
	}
	if rt.core.urn == URNUser {
		rt.keyed["emails"] = true
	}
	for _, c := range rt.containers() {
		for _, a := range c.attrs {
			// Extensions are kept as a whole, so that their own attributes are inside too.
			inside := c.extension && a.Returned == ReturnedNever
			rt.secretInside = rt.secretInside || inside || slices.ContainsFunc(a.subs, func(s *attribute) bool { return s.Returned == ReturnedNever })
		}
	}
	return rt, nil
}

func newContainer(s Schema) (*container, error) {
	if s.ID == "" || !strings.Contains(s.ID, ":") {
		return nil, fmt.Errorf("schema %q needs a URN as ID, got %q", s.Name, s.ID)
	}
	c := &container{urn: s.ID, schema: s, by: map[string]*attribute{}}
	for _, def := range s.Attributes {
		a, err := newAttribute(def, "")
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", s.ID, err)
		}
		key := strings.ToLower(a.Name)
		if c.by[key] != nil {
			return nil, fmt.Errorf("schema %s defines attribute %s twice", s.ID, a.Name)
		}
		c.by[key] = a
		c.attrs = append(c.attrs, a)
	}
	return c, nil
}

func newAttribute(def Attribute, parent string) (*attribute, error) {
	def.fill()
	if !validName(def.Name) {
		return nil, fmt.Errorf("attribute name %q must start with a letter and hold letters, digits, - and _ only", def.Name)
	}
	a := &attribute{Attribute: def, path: def.Name}
	if parent != "" {
		a.path = parent + "." + def.Name
	}
	if def.Mutability == MutabilityWriteOnly && def.Returned != ReturnedNever {
		return nil, fmt.Errorf("attribute %s is write-only, so it must be returned never, not %s (RFC 7643 section 7)", a.path, def.Returned)
	}
	if !a.complex() {
		if len(def.SubAttributes) > 0 {
			return nil, fmt.Errorf("attribute %s has sub-attributes, so its type must be complex, not %s", a.path, def.Type)
		}
		return a, validType(a)
	}
	if parent != "" || len(def.SubAttributes) == 0 {
		return nil, fmt.Errorf("complex attribute %s needs sub-attributes and must not be one (RFC 7643 section 2.3.8)", a.path)
	}
	a.by = map[string]*attribute{}
	for _, s := range def.SubAttributes {
		sub, err := newAttribute(s, a.path)
		if err != nil {
			return nil, err
		}
		a.subs = append(a.subs, sub)
		a.by[strings.ToLower(s.Name)] = sub
	}
	return a, nil
}

func validType(a *attribute) error {
	switch a.Type {
	case TypeString, TypeBoolean, TypeDecimal, TypeInteger, TypeDateTime, TypeBinary, TypeReference:
		return nil
	}
	return fmt.Errorf("attribute %s has unknown type %q", a.path, a.Type)
}

func validName(name string) bool {
	name = strings.TrimPrefix(name, "$")
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '-' && c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != ""
}

// container returns the schema with the URN, in any case, or nil.
func (rt *resourceType) container(urn string) *container {
	if strings.EqualFold(urn, rt.core.urn) {
		return rt.core
	}
	for _, c := range rt.exts {
		if strings.EqualFold(urn, c.urn) {
			return c
		}
	}
	return nil
}

// containers lists the core schema and the extensions.
func (rt *resourceType) containers() []*container {
	return append([]*container{rt.core}, rt.exts...)
}

func (rt *resourceType) anyReturned(r Returned) bool {
	for _, c := range rt.containers() {
		for _, a := range c.attrs {
			if a.Returned == r {
				return true
			}
			for _, s := range a.subs {
				if s.Returned == r {
					return true
				}
			}
		}
	}
	return false
}

// commonAttributes are those of RFC 7643 sections 3 and 3.1.
func commonAttributes() []Attribute {
	return []Attribute{
		{Name: "schemas", MultiValued: true, Returned: ReturnedAlways},
		{Name: "id", CaseExact: true, Mutability: MutabilityReadOnly, Returned: ReturnedAlways, Uniqueness: UniquenessServer},
		{Name: "externalId", CaseExact: true},
		{Name: "meta", Type: TypeComplex, Mutability: MutabilityReadOnly, SubAttributes: []Attribute{
			{Name: "resourceType", CaseExact: true, Mutability: MutabilityReadOnly},
			{Name: "created", Type: TypeDateTime, Mutability: MutabilityReadOnly},
			{Name: "lastModified", Type: TypeDateTime, Mutability: MutabilityReadOnly},
			{Name: "location", Type: TypeReference, Mutability: MutabilityReadOnly},
			{Name: "version", CaseExact: true, Mutability: MutabilityReadOnly},
		}},
	}
}
