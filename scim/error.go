package scim

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tenantgate/tenantgate/scim/internal/filter"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const urnError = "urn:ietf:params:scim:api:messages:2.0:Error"

// The values of scimType in RFC 7644 section 3.12 and RFC 9865 section 2.1.
const (
	TypeInvalidFilter = "invalidFilter"
	TypeTooMany       = "tooMany"
	TypeUniqueness    = "uniqueness"
	TypeMutability    = "mutability"
	TypeInvalidSyntax = "invalidSyntax"
	TypeInvalidPath   = "invalidPath"
	TypeNoTarget      = "noTarget"
	TypeInvalidValue  = "invalidValue"
	TypeInvalidVers   = "invalidVers"
	TypeSensitive     = "sensitive"
	TypeInvalidCursor = "invalidCursor"
	TypeInvalidCount  = "invalidCount"
)

// Error is an answer that refuses a request (RFC 7644 section 3.12). A [Policy]
// returns one to say no; its Detail is shown to the identity provider's
// administrator.
type Error struct {
	// Status is the HTTP status, 400 to 599.
	Status int `json:"status"`
	// Type is the scimType, empty where the RFC names none.
	Type string `json:"scimType,omitempty"`
	// Detail says what was wrong and what to change. It must hold no secret.
	Detail string `json:"detail"`
}

// Error returns status, type and detail in one line.
func (e *Error) Error() string {
	if e.Type == "" {
		return fmt.Sprintf("scim: %d: %s", e.Status, e.Detail)
	}
	return fmt.Sprintf("scim: %d %s: %s", e.Status, e.Type, e.Detail)
}

func badRequest(scimType, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Type: scimType, Detail: fmt.Sprintf(format, args...)}
}

func notFound(what, id string) *Error {
	return &Error{Status: http.StatusNotFound, Detail: fmt.Sprintf("There is no %s with the ID %q.", what, clip(id))}
}

// clip keeps what a client sent from making an answer long.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// toError is the one table from errors to answers. What it doesn't know gives
// a 500 that tells nothing; ok is false then and the caller logs err.
func toError(err error) (e *Error, ok bool) {
	var (
		fe      *filter.Error
		refusal *tenant.Refusal
		big     *http.MaxBytesError
	)
	switch {
	case errors.As(err, &e):
		return e, true
	case errors.As(err, &refusal):
		return &Error{Status: refusal.Status, Type: refusal.SCIMType, Detail: refusal.Detail}, true
	case errors.As(err, &big):
		return &Error{Status: http.StatusRequestEntityTooLarge, Type: TypeTooMany, Detail: fmt.Sprintf("The body is larger than %d bytes.", big.Limit)}, true
	case errors.As(err, &fe):
		return badRequest(TypeInvalidFilter, "The filter can't be read: %s.", fe), true
	case errors.Is(err, store.ErrNotFound):
		return &Error{Status: http.StatusNotFound, Detail: "There is no such resource."}, true
	case errors.Is(err, store.ErrConflict):
		return &Error{Status: http.StatusConflict, Type: TypeUniqueness, Detail: "Another resource has this value already."}, true
	case errors.Is(err, store.ErrStale):
		return &Error{Status: http.StatusPreconditionFailed, Detail: "The resource has changed since."}, true
	case errors.Is(err, store.ErrUnavailable):
		return &Error{Status: http.StatusServiceUnavailable, Detail: "The application can't store changes right now. Nothing was changed; send the request again later."}, false
	}
	return &Error{Status: http.StatusInternalServerError, Detail: "The request failed on our side. It was logged; send it again later."}, false
}

func (e *Error) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"schemas":["`+urnError+`"],"status":"`...)
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	dst = append(dst, '"')
	if e.Type != "" {
		dst = append(dst, `,"scimType":"`+e.Type+`"`...)
	}
	dst = append(dst, `,"detail":`...)
	dst = appendString(dst, e.Detail)
	return append(dst, '}')
}

// appendString appends s as a JSON string; bytes that are no UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil { // AppendQuote has replaced what was invalid
		return out
	}
	return out
}
