package scim

import (
	"encoding/json"
	"net/http"
	"strings"
)

// The discovery documents of RFC 7643 sections 5 to 7.
const (
	urnServiceProviderConfig = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	urnResourceType          = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	urnSchema                = "urn:ietf:params:scim:schemas:core:2.0:Schema"
)

type metaDoc struct {
	ResourceType string `json:"resourceType"`
	Location     string `json:"location"`
}

type supported struct {
	Supported bool `json:"supported"`
}

type serviceProviderConfigDoc struct {
	Schemas []string  `json:"schemas"`
	Patch   supported `json:"patch"`
	Bulk    struct {
		supported
		MaxOperations  int   `json:"maxOperations"`
		MaxPayloadSize int64 `json:"maxPayloadSize"`
	} `json:"bulk"`
	Filter struct {
		supported
		MaxResults int `json:"maxResults"`
	} `json:"filter"`
	ChangePassword supported `json:"changePassword"`
	Sort           supported `json:"sort"`
	ETag           supported `json:"etag"`
	Pagination     struct {  // RFC 9865 section 4
		Cursor                  bool   `json:"cursor"`
		Index                   bool   `json:"index"`
		DefaultPaginationMethod string `json:"defaultPaginationMethod"`
		DefaultPageSize         int    `json:"defaultPageSize"`
		MaxPageSize             int    `json:"maxPageSize"`
	} `json:"pagination"`
	AuthenticationSchemes []authenticationScheme `json:"authenticationSchemes"`
	Meta                  metaDoc                `json:"meta"`
}

type authenticationScheme struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Description string `json:"description"`
	SpecURI     string `json:"specUri"`
	Primary     bool   `json:"primary"`
}

func (h *Handler) serviceProviderConfig(w http.ResponseWriter, r *request) error {
	d := serviceProviderConfigDoc{Schemas: []string{urnServiceProviderConfig}}
	d.Patch.Supported, d.Sort.Supported, d.ETag.Supported = true, true, true
	d.Bulk.Supported, d.Bulk.MaxOperations, d.Bulk.MaxPayloadSize = true, h.cfg.MaxBulkOperations, h.cfg.MaxBulkBytes
	d.Filter.Supported, d.Filter.MaxResults = true, h.cfg.MaxPageSize
	d.Pagination.Cursor, d.Pagination.Index, d.Pagination.DefaultPaginationMethod = true, true, "index"
	d.Pagination.DefaultPageSize, d.Pagination.MaxPageSize = h.cfg.DefaultPageSize, h.cfg.MaxPageSize
	d.AuthenticationSchemes = []authenticationScheme{{
		Type: "oauthbearertoken", Name: "API key", Primary: true,
		Description: "An API key of the organisation as bearer token", SpecURI: "https://www.rfc-editor.org/info/rfc6750",
	}}
	d.Meta = metaDoc{"ServiceProviderConfig", r.base + "/ServiceProviderConfig"}
	return respondJSON(w, d)
}

func respondJSON(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, body)
	return nil
}

// document is one entry of a discovery endpoint.
type document struct {
	id  string
	doc any
}

func (h *Handler) discoverResourceTypes(w http.ResponseWriter, r *request) error {
	return h.discovery(w, r, h.resourceTypeDocs(r), "resource type")
}

func (h *Handler) discoverSchemas(w http.ResponseWriter, r *request) error {
	return h.discovery(w, r, h.schemaDocs(r), "schema")
}

// discovery answers with all documents, or the one whose ID the path names.
func (h *Handler) discovery(w http.ResponseWriter, r *request, docs []document, what string) error {
	if r.params.filtered {
		return &Error{Status: http.StatusForbidden, Detail: "Filters aren't taken here (RFC 7644 section 4)."}
	}
	if r.id != "" {
		for _, d := range docs {
			if strings.EqualFold(d.id, r.id) {
				return respondJSON(w, d.doc)
			}
		}
		return notFound(what, r.id)
	}
	list := struct {
		Schemas      []string `json:"schemas"`
		TotalResults int      `json:"totalResults"`
		StartIndex   int      `json:"startIndex"`
		ItemsPerPage int      `json:"itemsPerPage"`
		Resources    []any    `json:"Resources"`
	}{Schemas: []string{urnList}, TotalResults: len(docs), StartIndex: 1, ItemsPerPage: len(docs)}
	for _, d := range docs {
		list.Resources = append(list.Resources, d.doc)
	}
	return respondJSON(w, list)
}

type resourceTypeDoc struct {
	Schemas          []string       `json:"schemas"`
	ID               string         `json:"id"`
	Name             string         `json:"name"`
	Endpoint         string         `json:"endpoint"`
	Description      string         `json:"description,omitempty"`
	Schema           string         `json:"schema"`
	SchemaExtensions []extensionDoc `json:"schemaExtensions,omitempty"`
	Meta             metaDoc        `json:"meta"`
}

type extensionDoc struct {
	Schema   string `json:"schema"`
	Required bool   `json:"required"`
}

func (h *Handler) resourceTypeDocs(r *request) (out []document) {
	for _, rt := range h.types {
		d := resourceTypeDoc{
			Schemas: []string{urnResourceType}, ID: rt.Name, Name: rt.Name, Endpoint: rt.Endpoint,
			Description: rt.Description, Schema: rt.core.urn,
			Meta: metaDoc{"ResourceType", r.base + "/ResourceTypes/" + rt.Name},
		}
		for _, e := range rt.exts {
			d.SchemaExtensions = append(d.SchemaExtensions, extensionDoc{e.urn, e.required})
		}
		out = append(out, document{rt.Name, d})
	}
	return out
}

type schemaDoc struct {
	Schemas     []string       `json:"schemas"`
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	Description string         `json:"description,omitempty"`
	Attributes  []attributeDoc `json:"attributes"`
	Meta        metaDoc        `json:"meta"`
}

type attributeDoc struct {
	Name            string         `json:"name"`
	Type            Type           `json:"type"`
	MultiValued     bool           `json:"multiValued"`
	Description     string         `json:"description"`
	Required        bool           `json:"required"`
	CanonicalValues []string       `json:"canonicalValues,omitempty"`
	CaseExact       bool           `json:"caseExact"`
	Mutability      Mutability     `json:"mutability"`
	Returned        Returned       `json:"returned"`
	Uniqueness      Uniqueness     `json:"uniqueness"`
	ReferenceTypes  []string       `json:"referenceTypes,omitempty"`
	SubAttributes   []attributeDoc `json:"subAttributes,omitempty"`
}

func (h *Handler) schemaDocs(r *request) (out []document) {
	seen := map[string]bool{}
	for _, rt := range h.types {
		for _, c := range rt.containers() {
			if seen[strings.ToLower(c.urn)] {
				continue
			}
			seen[strings.ToLower(c.urn)] = true
			out = append(out, document{c.urn, schemaDoc{
				Schemas: []string{urnSchema}, ID: c.urn, Name: c.schema.Name, Description: c.schema.Description,
				Attributes: attributeDocs(c.attrs), Meta: metaDoc{"Schema", r.base + "/Schemas/" + c.urn},
			}})
		}
	}
	return out
}

func attributeDocs(attrs []*attribute) []attributeDoc {
	out := make([]attributeDoc, 0, len(attrs))
	for _, a := range attrs {
		out = append(out, attributeDoc{
			Name: a.Name, Type: a.Type, MultiValued: a.MultiValued, Description: a.Description, Required: a.Required,
			CanonicalValues: a.CanonicalValues, CaseExact: a.CaseExact, Mutability: a.Mutability, Returned: a.Returned,
			Uniqueness: a.Uniqueness, ReferenceTypes: a.ReferenceTypes, SubAttributes: attributeDocs(a.subs),
		})
	}
	return out
}
