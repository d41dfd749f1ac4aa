package tenant

import (
	"encoding/json"
	"fmt"
)

// DirectoryAction is what a directory's request does with a resource.
type DirectoryAction string

// The actions of directories (RFC 7644 section 3).
const (
	DirectoryCreate  DirectoryAction = "create"
	DirectoryReplace DirectoryAction = "replace"
	DirectoryPatch   DirectoryAction = "patch"
	DirectoryDelete  DirectoryAction = "delete"
)

// DirectoryWrite is a directory's change that is about to be stored. The package that
// takes it asks about it, the package that knows the rules answers, and neither needs
// to know the other.
type DirectoryWrite struct {
	TenantID string
	// Principal is the API key that the directory presented.
	Principal Principal
	Action    DirectoryAction
	// ResourceType is "User", "Group" or the name of a type that the host registered.
	ResourceType string
	// ID is the resource's, empty for DirectoryCreate.
	ID string
	// Before and After are the resource as JSON without id, meta, members and secrets;
	// Before is nil for DirectoryCreate, After for DirectoryDelete. They must not be
	// changed.
	Before, After json.RawMessage
	// AddMembers and RemoveMembers are IDs that a group gains and loses; ReplaceMembers
	// makes AddMembers the whole membership.
	AddMembers, RemoveMembers []string
	ReplaceMembers            bool
	// Deprovisioning is set on changes that only take access away: a user deleted or set
	// inactive, a group deleted, members removed. Such a write is made whatever the
	// answer is (D10).
	Deprovisioning bool
}

// Refusal says why a directory's write is refused, and how to answer it. It is an
// error, to be found with errors.As.
type Refusal struct {
	// Status is the HTTP status, SCIMType the scimType of RFC 7644 section 3.12, empty
	// where there is none.
	Status   int
	SCIMType string
	// Code is stable and for programs, such as "root_user".
	Code string
	// Detail is shown to the directory's administrator: what was wrong and what to
	// change. It holds no secret.
	Detail string
}

// Error returns status, code and detail in one line.
func (r *Refusal) Error() string {
	return fmt.Sprintf("tenant: directory refused: %d %s: %s", r.Status, r.Code, r.Detail)
}
