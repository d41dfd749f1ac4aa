package tenant

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// allActions reads the constants of type Action from the source, so that none is forgotten.
func allActions(t *testing.T) []Action {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "tenant.go", nil, 0)
	require.NoError(t, err)
	var all []Action
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Action" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			all = append(all, Action(value))
		}
		return true
	})
	require.Greater(t, len(all), 15)
	return all
}

// TestIntentsAndActions goes through every action and every intent: what is not in this table is refused, whatever the host's
// authorizer says, also an action that somebody adds later.
func TestIntentsAndActions(t *testing.T) {
	allowed := map[Intent]map[Action]bool{
		IntentSSO:           {ActionViewConnection: true, ActionEditConnection: true, ActionSubmitConnection: true, ActionReplaceSecret: true},
		IntentSCIM:          {ActionViewConnection: true, ActionManageSCIM: true, ActionViewAPIKeys: true, ActionManageAPIKeys: true},
		IntentDomains:       {ActionViewConnection: true, ActionManageDomains: true},
		IntentMapping:       {ActionViewConnection: true, ActionViewMapping: true, ActionEditMapping: true, ActionApplyMapping: true},
		IntentSecretRenewal: {ActionViewConnection: true, ActionReplaceSecret: true},
	}
	require.Len(t, Intents(), len(allowed))
	actions := append(allActions(t), "something.new")
	w := linkWorld(t) // its authorizer allows a link everything
	ctx := t.Context()
	for _, intent := range Intents() {
		require.Len(t, intent.Actions(), len(allowed[intent]))
		s, _ := w.open(t, "t1", w.link(t, "t1", intent))
		owners := s.Actor
		owners.Kind = ActorOwner // a host that mixes the kinds up
		for _, action := range actions {
			for _, actor := range []Actor{s.Actor, owners} {
				err := Allow(ctx, w.cfg.Authorizer, actor, action, "t1")
				if actor.Kind == ActorOwner && allowed[intent][action] {
					continue // the host's own answer about owners
				}
				if allowed[intent][action] {
					require.NoError(t, err, "%s: %s", intent, action)
				} else {
					require.ErrorIs(t, err, ErrForbidden, "%s: %s", intent, action)
				}
				require.ErrorIs(t, Allow(ctx, w.cfg.Authorizer, actor, action, "t2"), ErrForbidden, "%s: %s for another organisation", intent, action)
				require.Error(t, Allow(ctx, w.cfg.Authorizer, actor, action, ""), "%s: %s across organisations", intent, action)
			}
		}
	}
	require.Empty(t, Intent("everything").Actions())
}

// TestSetupLinkActorIsSafe: nobody but a Service makes an actor who came by a link, and the host can refuse more.
func TestSetupLinkActorIsSafe(t *testing.T) {
	w := linkWorld(t)
	ctx := t.Context()
	s, _ := w.open(t, "t1", w.link(t, "t1", IntentSSO, IntentMapping))
	made := Actor{Kind: ActorSetupLink, ID: s.Actor.ID, Name: s.Actor.Name}
	_, err := w.Connections(ctx, made, "t1")
	require.ErrorIs(t, err, ErrForbidden)
	data, err := json.Marshal(s.Actor)
	require.NoError(t, err)
	var stored Actor
	require.NoError(t, json.Unmarshal(data, &stored))
	_, err = w.Connections(ctx, stored, "t1")
	require.ErrorIs(t, err, ErrForbidden, "an actor that was written out and read back")
	_, ok := stored.SetupLink()
	require.False(t, ok)

	_, err = w.Connections(ctx, s.Actor, "t1")
	require.NoError(t, err)
	w.denied[ActionViewConnection] = true
	_, err = w.Connections(ctx, s.Actor, "t1")
	require.ErrorIs(t, err, ErrForbidden)
	w.denied[ActionViewConnection] = false

	// A plan without SCIM leaves the link what is about signing in.
	require.NoError(t, Allow(ctx, w.cfg.Authorizer, s.Actor, ActionEditMapping, "t1"))
	w.plan.SCIM = false
	require.NoError(t, Allow(ctx, w.cfg.Authorizer, s.Actor, ActionEditConnection, "t1"))
	require.Equal(t, ErrorCodePlanRequired, CodeOf(Allow(ctx, w.cfg.Authorizer, s.Actor, ActionEditMapping, "t1")))
	w.plan.SSO = false
	require.ErrorIs(t, Allow(ctx, w.cfg.Authorizer, s.Actor, ActionEditConnection, "t1"), ErrBadSetupLink)
}
