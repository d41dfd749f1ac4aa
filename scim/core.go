package scim

// The schemas of RFC 7643 section 8.
const (
	URNUser           = "urn:ietf:params:scim:schemas:core:2.0:User"
	URNGroup          = "urn:ietf:params:scim:schemas:core:2.0:Group"
	URNEnterpriseUser = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

// UserSchema returns the core User schema (RFC 7643 section 4.1). An own copy
// each time: it may be changed.
func UserSchema() Schema {
	return Schema{ID: URNUser, Name: "User", Description: "User Account", Attributes: []Attribute{
		{Name: "userName", Required: true, Uniqueness: UniquenessServer, Description: "Unique name of the user, compared without regard to case"},
		{Name: "name", Description: "Parts of the user's name", SubAttributes: []Attribute{
			{Name: "formatted", Description: "The full name, for display"},
			{Name: "familyName", Description: "Family name"},
			{Name: "givenName", Description: "Given name"},
			{Name: "middleName", Description: "Middle name"},
			{Name: "honorificPrefix", Description: "Title, such as Ms."},
			{Name: "honorificSuffix", Description: "Suffix, such as III"},
		}},
		{Name: "displayName", Description: "Name shown to others"},
		{Name: "nickName", Description: "Casual name"},
		{Name: "profileUrl", Type: TypeReference, ReferenceTypes: []string{"external"}, Description: "Address of the user's profile page"},
		{Name: "title", Description: "Job title"},
		{Name: "userType", Description: "Relation to the organisation, such as Employee"},
		{Name: "preferredLanguage", Description: "Preferred languages, as in Accept-Language"},
		{Name: "locale", Description: "Locale for numbers, dates and currency"},
		{Name: "timezone", Description: "Time zone, such as Europe/Berlin"},
		{Name: "active", Type: TypeBoolean, Description: "Whether the user may sign in; a new user is active unless told otherwise"},
		{Name: "password", Mutability: MutabilityWriteOnly, Returned: ReturnedNever, Description: "Accepted and dropped: users sign in with their identity provider"},
		plural("emails", "E-mail addresses", TypeString, "work", "home", "other"),
		plural("phoneNumbers", "Phone numbers", TypeString, "work", "home", "mobile", "fax", "pager", "other"),
		plural("ims", "Instant messaging addresses", TypeString, "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
		plural("photos", "Addresses of photos", TypeReference, "photo", "thumbnail"),
		{Name: "addresses", MultiValued: true, Description: "Postal addresses", SubAttributes: []Attribute{
			{Name: "formatted", Description: "The full address, for display"},
			{Name: "streetAddress", Description: "Street and house number"},
			{Name: "locality", Description: "City"},
			{Name: "region", Description: "State or region"},
			{Name: "postalCode", Description: "Postal code"},
			{Name: "country", Description: "Country"},
			{Name: "type", CanonicalValues: []string{"work", "home", "other"}, Description: "What the address is for"},
			{Name: "primary", Type: TypeBoolean, Description: "Whether this is the preferred address"},
		}},
		{
			Name: "groups", MultiValued: true, Mutability: MutabilityReadOnly, Description: "Groups the user is a member of; changed through the groups",
			SubAttributes: []Attribute{
				{Name: "value", CaseExact: true, Mutability: MutabilityReadOnly, Description: "ID of the group"},
				{Name: "$ref", Type: TypeReference, ReferenceTypes: []string{"Group"}, Mutability: MutabilityReadOnly, Description: "Address of the group"},
				{Name: "display", Mutability: MutabilityReadOnly, Description: "Name of the group"},
				{Name: "type", Mutability: MutabilityReadOnly, CanonicalValues: []string{"direct", "indirect"}, Description: "How the user belongs to the group"},
			},
		},
		plural("entitlements", "Entitlements", TypeString),
		plural("roles", "Roles", TypeString),
		plural("x509Certificates", "Certificates, DER in base64", TypeBinary),
	}}
}

// plural is the usual multi-valued attribute of RFC 7643 section 2.4.
func plural(name, description string, t Type, kinds ...string) Attribute {
	value := Attribute{Name: "value", Type: t, Description: "The value"}
	if t == TypeReference {
		value.ReferenceTypes = []string{"external"}
	}
	return Attribute{Name: name, MultiValued: true, Description: description, SubAttributes: []Attribute{
		value,
		{Name: "display", Description: "The value in a form for display"},
		{Name: "type", CanonicalValues: kinds, Description: "What the value is for"},
		{Name: "primary", Type: TypeBoolean, Description: "Whether this is the preferred value; true at most once"},
	}}
}

// GroupSchema returns the core Group schema (RFC 7643 section 4.2). An own
// copy each time: it may be changed.
func GroupSchema() Schema {
	return Schema{ID: URNGroup, Name: "Group", Description: "Group of users", Attributes: []Attribute{
		{Name: "displayName", Required: true, Description: "Name of the group"},
		{Name: "members", MultiValued: true, Description: "Members of the group", SubAttributes: []Attribute{
			{Name: "value", CaseExact: true, Mutability: MutabilityImmutable, Description: "ID of the member"},
			{Name: "$ref", Type: TypeReference, ReferenceTypes: []string{"User", "Group"}, Mutability: MutabilityImmutable, Description: "Address of the member"},
			{Name: "type", Mutability: MutabilityImmutable, CanonicalValues: []string{"User", "Group"}, Description: "Kind of member"},
		}},
	}}
}

// EnterpriseUserSchema returns the Enterprise User extension (RFC 7643 section
// 4.3). An own copy each time: it may be changed.
func EnterpriseUserSchema() Schema {
	return Schema{ID: URNEnterpriseUser, Name: "EnterpriseUser", Description: "Enterprise User", Attributes: []Attribute{
		{Name: "employeeNumber", Description: "Identifier of the employee"},
		{Name: "costCenter", Description: "Cost centre"},
		{Name: "organization", Description: "Organisation"},
		{Name: "division", Description: "Division"},
		{Name: "department", Description: "Department"},
		{Name: "manager", Description: "The user's manager", SubAttributes: []Attribute{
			{Name: "value", CaseExact: true, Description: "ID of the manager"},
			{Name: "$ref", Type: TypeReference, ReferenceTypes: []string{"User"}, Description: "Address of the manager"},
			{Name: "displayName", Mutability: MutabilityReadOnly, Description: "Name of the manager"},
		}},
	}}
}
