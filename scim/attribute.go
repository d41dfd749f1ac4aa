package scim

// Type is the data type of an attribute (RFC 7643 section 2.3).
type Type string

// The data types of RFC 7643 section 2.3.
const (
	TypeString    Type = "string"
	TypeBoolean   Type = "boolean"
	TypeDecimal   Type = "decimal"
	TypeInteger   Type = "integer"
	TypeDateTime  Type = "dateTime"
	TypeBinary    Type = "binary"
	TypeReference Type = "reference"
	TypeComplex   Type = "complex"
)

// Mutability says whether a client may write an attribute (RFC 7643 section 7).
type Mutability string

// The mutabilities of RFC 7643 section 7. The zero value counts as ReadWrite.
const (
	MutabilityReadOnly  Mutability = "readOnly"
	MutabilityReadWrite Mutability = "readWrite"
	MutabilityImmutable Mutability = "immutable"
	MutabilityWriteOnly Mutability = "writeOnly"
)

// Returned says when an attribute is part of an answer (RFC 7643 section 7).
type Returned string

// The values of returned in RFC 7643 section 7. The zero value counts as
// ReturnedDefault, or as ReturnedNever for a write-only attribute. What is never returned is never stored either: such an
// attribute is checked and dropped. Resources that were stored before an attribute
// became one of these keep it until they are written again.
const (
	ReturnedAlways  Returned = "always"
	ReturnedNever   Returned = "never"
	ReturnedDefault Returned = "default"
	ReturnedRequest Returned = "request"
)

// Uniqueness says where a value must be unique (RFC 7643 section 7).
type Uniqueness string

// The values of uniqueness in RFC 7643 section 7. The zero value counts as
// UniquenessNone.
const (
	UniquenessNone   Uniqueness = "none"
	UniquenessServer Uniqueness = "server"
	UniquenessGlobal Uniqueness = "global"
)

// Attribute defines one attribute (RFC 7643 section 7). Validation, PATCH,
// filters, projection and the Schemas endpoint all follow from it.
type Attribute struct {
	// Name is the attribute's name; clients may write it in any case.
	Name string
	// Type is the data type. Empty means TypeString, or TypeComplex where
	// SubAttributes are given.
	Type Type
	// MultiValued makes the value an array.
	MultiValued bool
	// Description is told by the Schemas endpoint.
	Description string
	// Required refuses a resource without the attribute.
	Required bool
	// CaseExact makes comparisons of strings sensitive to case. Binaries and references
	// always are (RFC 7643 sections 2.3.6 and 2.3.7).
	CaseExact bool
	// Mutability defaults to MutabilityReadWrite.
	Mutability Mutability
	// Returned defaults to ReturnedDefault.
	Returned Returned
	// Uniqueness defaults to UniquenessNone. Any other keeps the values of one tenant's
	// resources of the type apart, by the store's own constraint; a second one is 409
	// with scimType uniqueness.
	Uniqueness Uniqueness
	// CanonicalValues are suggestions told by the Schemas endpoint; others are accepted.
	CanonicalValues []string
	// ReferenceTypes are the resource types a reference may point to, or
	// "external" and "uri".
	ReferenceTypes []string
	// SubAttributes make a complex attribute. They can't be complex themselves.
	SubAttributes []Attribute
}

func (a *Attribute) fill() {
	if a.Type == "" {
		a.Type = TypeString
		if len(a.SubAttributes) > 0 {
			a.Type = TypeComplex
		}
	}
	if a.Type == TypeBinary || a.Type == TypeReference {
		a.CaseExact = true
	}
	if a.Mutability == "" {
		a.Mutability = MutabilityReadWrite
	}
	if a.Returned == "" {
		a.Returned = ReturnedDefault
		if a.Mutability == MutabilityWriteOnly {
			a.Returned = ReturnedNever
		}
	}
	if a.Uniqueness == "" {
		a.Uniqueness = UniquenessNone
	}
}
