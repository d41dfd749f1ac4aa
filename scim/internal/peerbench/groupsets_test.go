package peerbench

import (
	"maps"
	"net/http"
	"strings"
	"time"

	elimity "github.com/elimity-com/scim"
	scimerrors "github.com/elimity-com/scim/errors"
	"github.com/elimity-com/scim/schema"
	filter "github.com/scim2/filter-parser/v2"
)

// groupSets is the collection of groups whose members are a set beside the group, so
// that adding one costs the same in a large group, and a group can be read without them.
type groupSets struct{ *collection }

func newGroupSets() groupSets {
	c := newCollection(schema.CoreGroupSchema())
	c.quiet = true
	return groupSets{c}
}

func memberID(v any) string {
	s, _ := object(v)["value"].(string)
	return s
}

func setOf(members any) map[string]any {
	set := make(map[string]any, len(list(members)))
	for _, m := range list(members) {
		set[memberID(m)] = m
	}
	return set
}

// split takes the members out of the attributes.
func split(attributes elimity.ResourceAttributes) map[string]any {
	set := setOf(attributes["members"])
	delete(attributes, "members")
	return set
}

// shown is the group with its members, or without if the request excludes them. The
// lock is held.
func (it *item) shown(r *http.Request) elimity.Resource {
	out := it.resource
	if r.URL.RawQuery != "" && strings.EqualFold(r.URL.Query().Get("excludedAttributes"), "members") || len(it.members) == 0 {
		return out
	}
	members := make([]any, 0, len(it.members))
	for _, m := range it.members {
		members = append(members, m)
	}
	out.Attributes = maps.Clone(out.Attributes)
	out.Attributes["members"] = members
	return out
}

// Create implements elimity.ResourceHandler.
func (g groupSets) Create(r *http.Request, attributes elimity.ResourceAttributes) (elimity.Resource, error) {
	it := &item{members: split(attributes)}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.add(it, attributes); err != nil {
		return elimity.Resource{}, err
	}
	return it.shown(r), nil
}

// Get implements elimity.ResourceHandler.
func (g groupSets) Get(r *http.Request, id string) (elimity.Resource, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	it := g.byID[id]
	if it == nil {
		return elimity.Resource{}, scimerrors.ScimErrorResourceNotFound(id)
	}
	return it.shown(r), nil
}

// GetAll implements elimity.ResourceHandler.
func (g groupSets) GetAll(r *http.Request, p elimity.ListRequestParams) (elimity.Page, error) {
	page, err := g.collection.GetAll(r, p)
	for i := range page.Resources {
		// A group that was deleted meanwhile is shown as it was, without members.
		if shown, err := g.Get(r, page.Resources[i].ID); err == nil {
			page.Resources[i] = shown
		}
	}
	return page, err
}

// Replace implements elimity.ResourceHandler.
func (g groupSets) Replace(r *http.Request, id string, attributes elimity.ResourceAttributes) (elimity.Resource, error) {
	members := split(attributes)
	g.mu.Lock()
	defer g.mu.Unlock()
	it := g.byID[id]
	if it == nil {
		return elimity.Resource{}, scimerrors.ScimErrorResourceNotFound(id)
	}
	if err := g.enter(it, attributes, time.Now().UTC()); err != nil {
		return elimity.Resource{}, err
	}
	it.members = members
	return it.shown(r), nil
}

// Patch implements elimity.ResourceHandler. Operations on members take effect as they
// come: the peer has checked all of them before.
func (g groupSets) Patch(_ *http.Request, id string, operations []elimity.PatchOperation) (elimity.Resource, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	it := g.byID[id]
	if it == nil {
		return elimity.Resource{}, scimerrors.ScimErrorResourceNotFound(id)
	}
	attributes := it.resource.Attributes
	for _, op := range operations {
		if op.Path != nil && strings.EqualFold(op.Path.AttributePath.AttributeName, "members") {
			if err := it.changeMembers(op.Op, op.Path, op.Value); err != nil {
				return elimity.Resource{}, err
			}
			continue
		}
		attributes = maps.Clone(attributes)
		if values, ok := op.Value.(map[string]any); ok && op.Path == nil && values["members"] != nil {
			if err := it.changeMembers(op.Op, nil, values["members"]); err != nil {
				return elimity.Resource{}, err
			}
			values = maps.Clone(values)
			delete(values, "members")
			op.Value = values
		}
		if err := g.apply(attributes, op); err != nil {
			return elimity.Resource{}, err
		}
	}
	return elimity.Resource{}, g.enter(it, attributes, time.Now().UTC())
}

// changeMembers does an operation on the members; path may be nil.
func (it *item) changeMembers(op string, path *filter.Path, value any) error {
	switch {
	case path != nil && path.ValueExpression != nil:
		e, ok := path.ValueExpression.(*filter.AttributeExpression)
		if !ok || op != elimity.PatchOperationRemove || e.Operator != filter.EQ || !strings.EqualFold(e.AttributePath.AttributeName, "value") {
			return scimerrors.ScimErrorInvalidPath
		}
		id, _ := e.CompareValue.(string)
		delete(it.members, id)
	case op == elimity.PatchOperationAdd:
		for _, m := range list(value) {
			it.members[memberID(m)] = m
		}
	case op == elimity.PatchOperationRemove && value != nil:
		for _, m := range list(value) {
			delete(it.members, memberID(m))
		}
	default:
		it.members = setOf(value)
	}
	return nil
}
