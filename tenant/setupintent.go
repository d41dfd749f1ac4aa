package tenant

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Intent is what a set-up link is for.
type Intent string

// The intents. What each allows is [Intent.Actions].
const (
	IntentSSO           Intent = "sso"            // fill in the request for a connection and submit it
	IntentSCIM          Intent = "scim"           // switch provisioning on, make API keys
	IntentDomains       Intent = "domains"        // add domains and prove them
	IntentMapping       Intent = "mapping"        // say which groups give which teams and roles
	IntentSecretRenewal Intent = "secret_renewal" // replace a client secret that expires
)

// intentActions is all that a set-up link can do. What is in no list (activating, suspending, deleting, reviewing, showing a
// key again, the audit log, people, other links) needs somebody with an account.
var intentActions = map[Intent][]Action{
	IntentSSO:           {ActionViewConnection, ActionEditConnection, ActionSubmitConnection, ActionReplaceSecret},
	IntentSCIM:          {ActionViewConnection, ActionManageSCIM, ActionViewAPIKeys, ActionManageAPIKeys},
	IntentDomains:       {ActionViewConnection, ActionManageDomains},
	IntentMapping:       {ActionViewConnection, ActionViewMapping, ActionEditMapping, ActionApplyMapping},
	IntentSecretRenewal: {ActionViewConnection, ActionReplaceSecret},
}

// Intents returns all intents in alphabetical order.
func Intents() []Intent {
	var all []Intent
	for i := range intentActions {
		all = append(all, i)
	}
	slices.Sort(all)
	return all
}

// Actions returns what a link with this intent may do, as far as the [Authorizer] agrees. An unknown intent allows nothing.
func (i Intent) Actions() []Action { return slices.Clone(intentActions[i]) }

// included says whether the tenant's plan has what the intent is about.
func (i Intent) included(in Included) bool {
	switch i {
	case IntentSSO, IntentDomains, IntentSecretRenewal:
		return in.SSO
	case IntentSCIM, IntentMapping:
		return in.SCIM
	default:
		return false
	}
}

// setupScope is what an actor who came by a set-up link may do at most. Only a Service makes one, so that a host can't
// widen it by mistake.
type setupScope struct {
	service *Service
	link    SetupLink
}

// allows says why the link does not allow the action, if so: it reads the link again, so that one that was revoked a
// moment ago does nothing any more.
func (c *setupScope) allows(ctx context.Context, action Action, tenantID string) error {
	if tenantID != c.link.TenantID {
		return forbidden(ErrorCodeForbidden, "This set-up link is for another organisation.")
	}
	covers := func(i Intent) bool { return slices.Contains(intentActions[i], action) }
	if !slices.ContainsFunc(c.link.Intents, covers) {
		return forbidden(ErrorCodeForbidden, "This set-up link is for %s alone. Ask whoever sent it.", joinIntents(c.link.Intents))
	}
	intents, err := c.service.liveIntents(ctx, tenantID, c.link.ID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(intents, covers) {
		return forbidden(ErrorCodePlanRequired, "This is not included in the organisation's plan any more.")
	}
	return nil
}

func joinIntents(intents []Intent) string {
	names := make([]string, len(intents))
	for i, intent := range intents {
		names[i] = string(intent)
	}
	return strings.Join(names, ", ")
}

// Allow asks an authorizer as every [Service] does, for other packages that act for an [Actor]: somebody who came by a
// set-up link may do what its intents allow in its own tenant, whatever the authorizer says, and no more than the authorizer
// allows. An actor of the kind [ActorSetupLink] that no Service made may do nothing.
func Allow(ctx context.Context, a Authorizer, actor Actor, action Action, tenantID string) error {
	switch {
	case actor.setup != nil:
		if err := actor.setup.allows(ctx, action, tenantID); err != nil {
			return err
		}
	case actor.Kind == ActorSetupLink:
		return fmt.Errorf("tenant: an actor that no set-up link made: %w", ErrForbidden)
	}
	return a.Can(ctx, actor, action, tenantID)
}

// SetupLink returns the set-up link that the actor came by, as it was then, so that an [Authorizer] can refuse more than the
// link's intents do: such as links that were created by somebody who is no owner any more.
func (a Actor) SetupLink() (SetupLink, bool) {
	if a.setup == nil {
		return SetupLink{}, false
	}
	return a.setup.link.clone(), true
}
