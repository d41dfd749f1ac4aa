package scim

import (
	"encoding/json"
)

// encode writes a document in the order of its schemas, so that equal
// documents give equal bytes: the core schema's attributes, then extensions.
// What isn't in the document's schemas is not written.
func (rt *resourceType) encode(dst []byte, doc map[string]any) []byte {
	dst = append(dst, `{"schemas":[`...)
	dst = appendString(dst, rt.core.urn)
	for _, c := range rt.exts {
		if _, ok := doc[c.urn]; ok {
			dst = append(dst, ',')
			dst = appendString(dst, c.urn)
		}
	}
	dst = append(dst, ']')
	if v, ok := doc["id"].(string); ok {
		dst = append(dst, `,"id":`...)
		dst = appendString(dst, v)
	}
	if v, ok := doc["externalId"].(string); ok {
		dst = append(dst, `,"externalId":`...)
		dst = appendString(dst, v)
	}
	dst = appendAttributes(dst, rt.core.attrs, doc)
	for _, c := range rt.exts {
		raw, asStored := doc[c.urn].(stored)
		ext, ok := doc[c.urn].(map[string]any)
		if !ok && !asStored {
			continue
		}
		dst = append(dst, ',')
		dst = appendString(dst, c.urn)
		dst = append(dst, ':')
		if asStored {
			dst = append(dst, raw...)
		} else {
			dst = appendObject(dst, c.attrs, ext)
		}
	}
	if meta, ok := doc["meta"].(map[string]any); ok {
		dst = append(dst, `,"meta":`...)
		dst = appendObject(dst, rt.common["meta"].subs, meta)
	}
	return append(dst, '}')
}

// appendAttributes writes the members of an object that has some already.
func appendAttributes(dst []byte, attrs []*attribute, doc map[string]any) []byte {
	for _, a := range attrs {
		if v, ok := doc[a.Name]; ok {
			if dst[len(dst)-1] != '{' {
				dst = append(dst, ',')
			}
			dst = appendString(dst, a.Name)
			dst = append(dst, ':')
			dst = appendValue(dst, a, v)
		}
	}
	return dst
}

func appendObject(dst []byte, attrs []*attribute, doc map[string]any) []byte {
	dst = append(dst, '{')
	dst = appendAttributes(dst, attrs, doc)
	return append(dst, '}')
}

func appendValue(dst []byte, a *attribute, v any) []byte {
	switch v := v.(type) {
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, a, e)
		}
		return append(dst, ']')
	case map[string]any:
		return appendObject(dst, a.subs, v)
	case string:
		return appendString(dst, v)
	case bool:
		if v {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case json.Number:
		return append(dst, v...)
	case stored:
		return append(dst, v...)
	default:
		return append(dst, "null"...)
	}
}
