package peerbench

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	elimity "github.com/elimity-com/scim"
	scimerrors "github.com/elimity-com/scim/errors"
	"github.com/elimity-com/scim/schema"
	"github.com/google/uuid"
	filter "github.com/scim2/filter-parser/v2"
)

// collection is a ResourceHandler of the peer that keeps one resource type in memory;
// see the package comment for what it does. It is safe for concurrent use: attributes
// that were handed out are never changed, a writer stores new ones.
type collection struct {
	schema     schema.Schema
	extensions []schema.Schema
	indexed    bool // userName eq is answered from names
	quiet      bool // PATCH answers 204

	mu    sync.RWMutex
	byID  map[string]*item
	names map[string]*item // by userName in lower case; users alone
	order []*item          // as they were created
	next  int
}

// item is one stored resource.
type item struct {
	place    int // grows along order
	version  int
	resource elimity.Resource
	members  map[string]any // of a group in groupSets
}

func newCollection(s schema.Schema, extensions ...schema.Schema) *collection {
	return &collection{schema: s, extensions: extensions, byID: map[string]*item{}, names: map[string]*item{}}
}

func nameOf(attributes elimity.ResourceAttributes) string {
	s, _ := attributes["userName"].(string)
	return strings.ToLower(s)
}

// enter stores the attributes of an item, which may have had others. The lock is held.
func (c *collection) enter(it *item, attributes elimity.ResourceAttributes, now time.Time) error {
	name := nameOf(attributes)
	if other := c.names[name]; name != "" && other != nil && other != it {
		return scimerrors.ScimErrorUniqueness
	}
	c.leave(it)
	if name != "" {
		c.names[name] = it
	}
	it.version++
	it.resource.Attributes = attributes
	it.resource.Meta.LastModified = &now
	it.resource.Meta.Version = `W/"` + strconv.Itoa(it.version) + `"`
	return nil
}

// leave frees the name of an item.
func (c *collection) leave(it *item) {
	if name := nameOf(it.resource.Attributes); c.names[name] == it {
		delete(c.names, name)
	}
}

// add stores a new resource. The lock is held.
func (c *collection) add(it *item, attributes elimity.ResourceAttributes) error {
	now := time.Now().UTC()
	it.resource = elimity.Resource{ID: uuid.NewString(), Meta: elimity.Meta{Created: &now}}
	if err := c.enter(it, attributes, now); err != nil {
		return err
	}
	c.next++
	it.place = c.next
	c.byID[it.resource.ID] = it
	c.order = append(c.order, it)
	return nil
}

// Create implements elimity.ResourceHandler.
func (c *collection) Create(_ *http.Request, attributes elimity.ResourceAttributes) (elimity.Resource, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	it := &item{}
	if err := c.add(it, attributes); err != nil {
		return elimity.Resource{}, err
	}
	return it.resource, nil
}

// Get implements elimity.ResourceHandler.
func (c *collection) Get(_ *http.Request, id string) (elimity.Resource, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	it := c.byID[id]
	if it == nil {
		return elimity.Resource{}, scimerrors.ScimErrorResourceNotFound(id)
	}
	return it.resource, nil
}

// GetAll implements elimity.ResourceHandler.
func (c *collection) GetAll(_ *http.Request, p elimity.ListRequestParams) (elimity.Page, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	found := c.order
	if p.FilterValidator != nil {
		found = c.filtered(p)
	}
	page := elimity.Page{TotalResults: len(found), Resources: []elimity.Resource{}}
	from := min(p.StartIndex-1, len(found))
	for _, it := range found[from:min(from+p.Count, len(found))] {
		page.Resources = append(page.Resources, it.resource)
	}
	return page, nil
}

// filtered returns what a filter lets through. The lock is held.
func (c *collection) filtered(p elimity.ListRequestParams) []*item {
	if name, ok := nameAsked(p.FilterValidator.GetFilter()); ok && c.indexed {
		if it := c.names[strings.ToLower(name)]; it != nil {
			return []*item{it}
		}
		return nil
	}
	var found []*item
	for _, it := range c.order {
		if p.FilterValidator.PassesFilter(it.resource.Attributes) == nil {
			found = append(found, it)
		}
	}
	return found
}

// nameAsked returns the name of a filter userName eq "…".
func nameAsked(e filter.Expression) (string, bool) {
	eq, ok := e.(*filter.AttributeExpression)
	if !ok || eq.Operator != filter.EQ || !strings.EqualFold(eq.AttributePath.AttributeName, "userName") {
		return "", false
	}
	name, ok := eq.CompareValue.(string)
	return name, ok
}

// Replace implements elimity.ResourceHandler.
func (c *collection) Replace(_ *http.Request, id string, attributes elimity.ResourceAttributes) (elimity.Resource, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	it := c.byID[id]
	if it == nil {
		return elimity.Resource{}, scimerrors.ScimErrorResourceNotFound(id)
	}
	if err := c.enter(it, attributes, time.Now().UTC()); err != nil {
		return elimity.Resource{}, err
	}
	return it.resource, nil
}

// Delete implements elimity.ResourceHandler.
func (c *collection) Delete(_ *http.Request, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	it := c.byID[id]
	if it == nil {
		return scimerrors.ScimErrorResourceNotFound(id)
	}
	c.leave(it)
	delete(c.byID, id)
	at, _ := slices.BinarySearchFunc(c.order, it.place, func(e *item, place int) int { return e.place - place })
	c.order = slices.Delete(c.order, at, at+1)
	return nil
}

// Patch implements elimity.ResourceHandler.
func (c *collection) Patch(_ *http.Request, id string, operations []elimity.PatchOperation) (elimity.Resource, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	it := c.byID[id]
	if it == nil {
		return elimity.Resource{}, scimerrors.ScimErrorResourceNotFound(id)
	}
	attributes := maps.Clone(it.resource.Attributes)
	for _, op := range operations {
		if err := c.apply(attributes, op); err != nil {
			return elimity.Resource{}, err
		}
	}
	if err := c.enter(it, attributes, time.Now().UTC()); err != nil {
		return elimity.Resource{}, err
	}
	if c.quiet {
		return elimity.Resource{}, nil
	}
	return it.resource, nil
}
