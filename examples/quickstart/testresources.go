package main

import "github.com/tenantgate/tenantgate/scim"

const (
	testSchema    = "urn:ietf:params:scim:schemas:test:2.0:TestResource"
	testExtension = "urn:ietf:params:scim:schemas:extension:test:2.0:TestResource"
)

// testResources is a resource type with one attribute of each kind, for conformance
// suites. It shows how a host adds a type: the definition is all there is.
func testResources() scim.ResourceType {
	return scim.ResourceType{
		Name: "TestResource", Endpoint: "/TestResources", Description: "One attribute of each kind",
		Schema: scim.Schema{
			ID: testSchema, Name: "TestResource", Description: "One attribute of each kind",
			Attributes: []scim.Attribute{
				{Name: "identifier", Type: scim.TypeString, Required: true, Uniqueness: scim.UniquenessServer},
				{Name: "caseExactString", Type: scim.TypeString, CaseExact: true},
				{Name: "caseInsensitiveString", Type: scim.TypeString},
				{Name: "integerAttr", Type: scim.TypeInteger},
				{Name: "booleanAttr", Type: scim.TypeBoolean},
				{Name: "dateTimeAttr", Type: scim.TypeDateTime},
				{Name: "binaryAttr", Type: scim.TypeBinary},
				{Name: "referenceAttr", Type: scim.TypeReference, ReferenceTypes: []string{"uri"}},
				{Name: "readOnlyAttr", Type: scim.TypeString, Mutability: scim.MutabilityReadOnly},
				{Name: "immutableAttr", Type: scim.TypeString, Mutability: scim.MutabilityImmutable},
				{Name: "writeOnlyAttr", Type: scim.TypeString, Mutability: scim.MutabilityWriteOnly, Returned: scim.ReturnedNever},
				{Name: "requestOnlyAttr", Type: scim.TypeString, Returned: scim.ReturnedRequest},
				{Name: "alwaysReturnedAttr", Type: scim.TypeString, Returned: scim.ReturnedAlways},
				{Name: "multiStrings", Type: scim.TypeString, MultiValued: true},
				{Name: "complexAttr", Type: scim.TypeComplex, SubAttributes: []scim.Attribute{
					{Name: "sub1", Type: scim.TypeString}, {Name: "sub2", Type: scim.TypeInteger}, {Name: "sub3", Type: scim.TypeBoolean},
				}},
				{Name: "multiComplex", Type: scim.TypeComplex, MultiValued: true, SubAttributes: []scim.Attribute{
					{Name: "value", Type: scim.TypeString}, {Name: "type", Type: scim.TypeString}, {Name: "primary", Type: scim.TypeBoolean},
				}},
				{Name: "uniqueString", Type: scim.TypeString, Uniqueness: scim.UniquenessServer},
			},
		},
		Extensions: []scim.Extension{{Required: true, Schema: scim.Schema{
			ID: testExtension, Name: "TestExtension", Description: "An extension with a required attribute",
			Attributes: []scim.Attribute{
				{Name: "extString", Type: scim.TypeString},
				{Name: "extRequired", Type: scim.TypeString, Required: true},
				{Name: "extInteger", Type: scim.TypeInteger},
			},
		}}},
	}
}
