package scim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	urnDevice    = "urn:example:params:scim:schemas:2.0:Device"
	urnDeviceExt = "urn:example:params:scim:schemas:extension:2.0:Device"
)

// deviceServer serves a resource type of the host's, with every kind of attribute.
func deviceServer(t *testing.T) *server {
	return newServer(t, func(c *Config) {
		c.ResourceTypes = []ResourceType{{
			Name: "Device", Endpoint: "/Devices",
			Schema: Schema{ID: urnDevice, Name: "Device", Attributes: []Attribute{
				{Name: "serial", Required: true, Uniqueness: UniquenessServer},
				{Name: "exact", CaseExact: true},
				{Name: "count", Type: TypeInteger},
				{Name: "weight", Type: TypeDecimal},
				{Name: "on", Type: TypeBoolean},
				{Name: "seen", Type: TypeDateTime},
				{Name: "fixed", Mutability: MutabilityImmutable},
				{Name: "given", Mutability: MutabilityReadOnly},
				{Name: "pin", Mutability: MutabilityWriteOnly, Returned: ReturnedNever},
				{Name: "asked", Returned: ReturnedRequest},
				{Name: "always", Returned: ReturnedAlways},
				{Name: "tags", MultiValued: true},
			}},
			Extensions: []Extension{{Schema: Schema{ID: urnDeviceExt, Attributes: []Attribute{{Name: "site", Required: true}, {Name: "rack", Type: TypeInteger}}}}},
		}}
	})
}

func TestHostResourceType(t *testing.T) {
	s := deviceServer(t)
	s.do("POST", "/Devices", `{"count":1}`).refused(400, TypeInvalidValue)
	s.do("POST", "/Devices", `{"serial":"S","`+urnDeviceExt+`":{"rack":1}}`).refused(400, TypeInvalidValue)
	for _, bad := range []string{`"count":"1"`, `"count":1.5`, `"count":99999999999999999999`, `"weight":"x"`, `"on":1`, `"seen":"today"`, `"tags":{"a":1}`, `"exact":true`} {
		s.do("POST", "/Devices", `{"serial":"S",`+bad+`}`).refused(400, TypeInvalidValue)
	}
	r := s.do("POST", "/Devices", `{"serial":"S1","exact":"Ab","count":9007199254740993,"weight":1.50,"on":true,"seen":"2026-01-02T03:04:05.1234567+01:00",
		"fixed":"f","given":"no","pin":"pin-code","asked":"q","always":"w","tags":["x","y","x"],"`+urnDeviceExt+`":{"site":"Berlin","rack":7}}`).want(201)
	id := r.id()
	require.Contains(t, r.raw, `"count":9007199254740993`, "integers keep all digits")
	require.Equal(t, []any{"x", "y"}, r.at("tags"))
	require.Nil(t, r.at("given"))
	require.Nil(t, r.at("pin"))
	require.Equal(t, "q", r.at("asked"), "what is returned on request is returned to whoever wrote it (RFC 7643 section 7)")
	require.Nil(t, s.do("GET", "/Devices/"+id, "").at("asked"))
	require.Nil(t, s.patch("/Devices/"+id, `{"op":"replace","path":"weight","value":2}`).want(200).at("asked"))
	require.Equal(t, "r", s.patch("/Devices/"+id, `{"op":"replace","path":"asked","value":"r"}`).want(200).at("asked"))
	require.Equal(t, "q", s.patch("/Devices/"+id, `{"op":"replace","value":{"asked":"q"}}`).want(200).at("asked"))
	require.Nil(t, s.patch("/Devices/"+id+"?attributes=weight", `{"op":"replace","path":"asked","value":"q"}`).want(200).at("asked"))
	require.Nil(t, s.patch("/Devices/"+id+"?excludedAttributes=asked", `{"op":"replace","path":"asked","value":"q"}`).want(200).at("asked"))
	require.Len(t, s.find("/Devices", `tags.value eq "x"`, "id"), 1)
	require.Equal(t, "q", s.do("GET", "/Devices/"+id+"?attributes=asked", "").at("asked"))
	require.Equal(t, "w", s.do("GET", "/Devices/"+id+"?attributes=asked", "").at("always"))
	require.Equal(t, "w", s.do("GET", "/Devices/"+id+"?excludedAttributes=always", "").at("always"))
	s.do("POST", "/Devices", `{"serial":"s1"}`).refused(409, TypeUniqueness)

	path := "/Devices/" + id
	s.patch(path, `{"op":"replace","path":"fixed","value":"g"}`).refused(400, TypeMutability)
	s.patch(path, `{"op":"replace","path":"fixed","value":"f"}`).want(200)
	s.patch(path, `{"op":"replace","path":"given","value":"g"}`).refused(400, TypeMutability)
	s.do("PUT", path, `{"serial":"S1","fixed":"g"}`).refused(400, TypeMutability)
	r = s.do("PUT", path, `{"serial":"S2","count":2}`).want(200)
	require.Equal(t, "f", r.at("fixed"), "an immutable value stays when it is left out")
	require.Nil(t, r.at(urnDeviceExt))
	s.patch(path, `{"op":"add","path":"`+urnDeviceExt+`:rack","value":1}`).refused(400, TypeInvalidValue)
	s.patch(path, `{"op":"add","path":"tags","value":["a","b"]},{"op":"remove","path":"tags[value eq \"a\"]"}`).want(200)
	s.patch(path, `{"op":"add","path":"seen","value":"2026-01-01T00:00:00Z"},{"op":"add","path":"weight","value":2.5}`).want(200)

	for filter, want := range map[string]int{
		`serial eq "s2"`: 1, `exact eq "ab"`: 0, `count gt 1`: 1, `count gt 2`: 0, `count eq 2.0`: 1, `weight lt 1e400`: 1, `weight ge 2.5`: 1,
		`seen gt "2025-12-31T23:59:59+00:30"`: 1, `seen eq "2026-01-01T01:00:00+01:00"`: 1, `seen sw "2026-01"`: 1, `tags eq "B"`: 1, `tags[value eq "b"]`: 1,
		urnDevice + `:count ge 2`: 1, `on pr`: 0,
	} {
		require.Len(t, s.find("/Devices", filter, "id"), want, filter)
	}
	require.Equal(t, float64(5), s.do("GET", "/Schemas", "").at("totalResults"))
	s.do("DELETE", path, "").want(204)
	s.do("GET", path, "").refused(404, "")
	require.Equal(t, EventResourceCreated, s.events()[0].Type)
	require.NotContains(t, string(s.events()[0].After), "pin-code")
}

func TestBinariesAndReferencesAreCaseExact(t *testing.T) {
	s := newServer(t, func(c *Config) {
		c.ResourceTypes = []ResourceType{{Name: "Device", Endpoint: "/Devices", Schema: Schema{ID: "urn:acme:Device", Attributes: []Attribute{
			{Name: "home", Type: TypeReference, ReferenceTypes: []string{"uri"}},
			{Name: "print", Type: TypeBinary},
			{Name: "code", Mutability: MutabilityWriteOnly},
		}}}}
	})
	s.do("POST", "/Devices", `{"home":"https://example.com/A","print":"aBcD","code":"s3cret"}`).want(201)
	require.Len(t, s.find("/Devices", `home eq "https://example.com/A" and print eq "aBcD"`, "id"), 1)
	require.Empty(t, s.find("/Devices", `home eq "https://example.com/a"`, "id"))
	require.Empty(t, s.find("/Devices", `print eq "ABCD"`, "id"))
	attrs := s.do("GET", "/Schemas/urn:acme:Device", "").want(200).at("attributes").([]any)
	require.Equal(t, true, attrs[0].(map[string]any)["caseExact"])
	require.Equal(t, true, attrs[1].(map[string]any)["caseExact"])
	require.Equal(t, "never", attrs[2].(map[string]any)["returned"], "what is write-only is never returned")

	_, err := newAttribute(Attribute{Name: "x", Mutability: MutabilityWriteOnly, Returned: ReturnedDefault}, "")
	require.ErrorContains(t, err, "write-only")
}
