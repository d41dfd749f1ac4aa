package tenant

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
)

// DomainClaim is what a [DomainValidator] is to look at.
type DomainClaim struct {
	TenantID string
	// Name is normalised by [NormalizeDomain].
	Name string
	// Token is what only the tenant was told to publish. It is public by nature.
	Token string
	// Method is what proved the domain before ([DomainProof]); empty while nothing has.
	Method string
}

// DomainProof is what a validator found.
type DomainProof struct {
	// Proven says that the claim holds.
	Proven bool
	// Method says how: "dns_txt", "http_file", "staff", or a validator's own word.
	Method string
	// Absent says that the place of the proof was looked at and does not have it. Zero is the
	// careful answer: a server that fails, refuses or does not answer says nothing about it.
	Absent bool
	// Finding tells the owner what was found: [SeverityOK] if proven, otherwise what is
	// wrong and what to do.
	Finding Finding
}

// DomainValidator decides how control of a domain is proven. [DNSValidator] is the
// default, [HTTPValidator] and [StaffValidator] are others, [AnyOf] combines them.
type DomainValidator interface {
	// Validate looks for the proof now. A claim that is not proven, for whatever reason
	// on the domain's side, is a proof with Proven false and a finding; an error says
	// that it could not be looked for, such as an ended context. Validate changes
	// nothing and is safe for concurrent use.
	Validate(ctx context.Context, claim DomainClaim) (DomainProof, error)
}

// DomainInstruction tells an owner what to publish, for one way of proof.
type DomainInstruction struct {
	// Method is as in [DomainProof].
	Method string
	// Type is "TXT", "FILE" or "STAFF".
	Type string
	// Name is where: a full DNS name or a URL.
	Name string
	// ShortName is the DNS name for providers that add the domain themselves.
	ShortName string
	// Value is what to publish there.
	Value string
}

// DomainInstructor is an optional interface of a [DomainValidator]: one that can say
// what it looks for.
type DomainInstructor interface {
	DomainInstructions(claim DomainClaim) []DomainInstruction
}

// Names and values of the proof unless configured otherwise.
const (
	DefaultChallengeLabel  = "_tenantgate-challenge"
	DefaultChallengePrefix = "tenantgate-verification="
)

// The methods of proof that this package knows.
const (
	MethodDNS   = "dns_txt"
	MethodHTTP  = "http_file"
	MethodStaff = "staff"
)

// newChallengeToken returns 160 random bits in lower-case letters and digits, which
// every DNS provider's form takes unchanged.
func newChallengeToken() (string, error) {
	var b [20]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("tenant: no randomness: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:])), nil
}

// StaffValidator proves nothing by itself: the host's staff decide, with
// [Service.VerifyDomain]. Use it alone or in [AnyOf].
type StaffValidator struct{}

// Validate reports that the domain waits for staff.
func (StaffValidator) Validate(ctx context.Context, claim DomainClaim) (DomainProof, error) {
	return DomainProof{Method: MethodStaff, Finding: warning(FieldDomains, CodeDomainAwaitsStaff, "%s waits to be confirmed by our team.", claim.Name)}, ctx.Err()
}

// DomainInstructions says that nothing needs to be published.
func (StaffValidator) DomainInstructions(DomainClaim) []DomainInstruction {
	return []DomainInstruction{{Method: MethodStaff, Type: "STAFF"}}
}

// AnyOf combines validators: a claim is proven if one of them proves it. They are
// asked in order, and what the first of them found is told if none does; for a domain that was
// proven before, what the one found that proved it. An error of one does not keep the next from
// being asked.
func AnyOf(validators ...DomainValidator) (DomainValidator, error) {
	if len(validators) == 0 {
		return nil, errors.New("tenant: AnyOf needs at least one DomainValidator")
	}
	for i, v := range validators {
		if v == nil {
			return nil, fmt.Errorf("tenant: AnyOf: validator %d is nil", i+1)
		}
	}
	return anyOf(validators), nil
}

type anyOf []DomainValidator

// Validate asks each in turn.
func (a anyOf) Validate(ctx context.Context, claim DomainClaim) (DomainProof, error) {
	var first *DomainProof
	var errs []error
	for _, v := range a {
		proof, err := v.Validate(ctx, claim)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if proof.Proven {
			return proof, nil
		}
		if first == nil || claim.Method != "" && proof.Method == claim.Method && first.Method != claim.Method {
			first = &proof
		}
	}
	if first == nil || ctx.Err() != nil {
		return DomainProof{}, errors.Join(append(errs, ctx.Err())...)
	}
	return *first, nil
}

// DomainInstructions lists those of all.
func (a anyOf) DomainInstructions(claim DomainClaim) []DomainInstruction {
	var out []DomainInstruction
	for _, v := range a {
		if i, ok := v.(DomainInstructor); ok {
			out = append(out, i.DomainInstructions(claim)...)
		}
	}
	return out
}
