package filtertest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// directory fills a tenant with random resources, and changes some of them.
type directory struct {
	*values
	c     *client
	types []*resourceType
	now   time.Time
	made  map[string][]string // IDs by type
	n     int
}

// sizes are how many resources of a type are made.
var sizes = map[string]int{"User": 26, "Group": 12, "Device": 22}

func (d *directory) fill() error {
	for _, rt := range d.types {
		for range sizes[rt.Name] {
			if err := d.create(rt); err != nil {
				return err
			}
		}
	}
	for range 30 {
		rt := pick(d.r, d.types)
		if err := d.change(rt, pick(d.r, d.made[rt.Name])); err != nil {
			return err
		}
	}
	for _, rt := range d.types { // the last one made, so that others keep their members
		for range 2 {
			i := d.r.IntN(len(d.made[rt.Name]))
			if err := d.send(http.MethodDelete, rt.Endpoint+"/"+d.made[rt.Name][i], nil, nil); err != nil {
				return err
			}
			d.made[rt.Name] = append(d.made[rt.Name][:i:i], d.made[rt.Name][i+1:]...)
		}
	}
	return nil
}

// errTaken says that a value has to be unique and is not.
var errTaken = errors.New("taken")

// send sends a write; time goes on before some of them.
func (d *directory) send(method, target string, body, v any) error {
	d.now = d.now.Add(d.jump())
	status, err := d.c.do(method, target, body, v)
	if status == http.StatusConflict {
		return errTaken
	}
	return err
}

func (d *directory) create(rt *resourceType) error {
	for range 50 {
		var created struct{ ID string }
		switch err := d.send(http.MethodPost, rt.Endpoint, d.body(rt), &created); {
		case err == nil:
			d.made[rt.Name] = append(d.made[rt.Name], created.ID)
			return nil
		case !errors.Is(err, errTaken):
			return err
		}
	}
	return fmt.Errorf("%s: no free values", rt.Endpoint)
}

// body is a random resource.
func (d *directory) body(rt *resourceType) map[string]any {
	density := pick(d.r, []int{20, 50, 80})
	doc := map[string]any{"schemas": []string{rt.core.ID}}
	if chance(d.r, 60) {
		doc["externalId"] = short(d.word(), 1000)
	}
	d.attributes(doc, rt.core, density)
	for _, e := range rt.exts {
		if chance(d.r, density+10) {
			ext := map[string]any{}
			d.attributes(ext, e, density)
			doc[e.ID] = ext
		}
	}
	if rt.Name == "Group" {
		doc["members"] = d.members()
	}
	return doc
}

func (d *directory) attributes(doc map[string]any, s *schema, density int) {
	for _, a := range s.Attributes {
		likely := density
		if a.Uniqueness == "server" || a.Uniqueness == "global" {
			likely = density / 3
		}
		if a.Mutability == "readOnly" || !a.Required && !chance(d.r, likely) || d.relation(s, a) {
			continue
		}
		if v := d.attribute(a); v != nil {
			doc[a.Name] = v
		}
	}
}

// relation says that members are told by members.
func (d *directory) relation(s *schema, a *attribute) bool {
	return strings.HasSuffix(s.ID, ":core:2.0:Group") && a.Name == "members"
}

func (d *directory) attribute(a *attribute) any {
	if a.Required || a.Uniqueness == "server" && a.Type == "string" && !a.MultiValued && chance(d.r, 50) {
		d.n++
		if w := d.word(); chance(d.r, 30) && strings.TrimSpace(w) != "" {
			return w
		}
		return d.unique(d.n)
	}
	return d.whole(a)
}

// members are users, groups, and what is neither.
func (d *directory) members() (out []any) {
	for range d.r.IntN(6) {
		id := short(d.word(), 250)
		switch n := d.r.IntN(10); {
		case n < 6:
			id = pick(d.r, d.made["User"])
		case n < 8 && len(d.made["Group"]) > 0:
			id = pick(d.r, d.made["Group"])
		}
		if strings.TrimSpace(id) != "" {
			out = append(out, map[string]any{"value": id})
		}
	}
	return out
}

// change replaces a resource, or an attribute of it. What can't be because a value
// is taken stays as it was.
func (d *directory) change(rt *resourceType, id string) error {
	method, body := http.MethodPatch, map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []any{d.operation(rt)},
	}
	if chance(d.r, 25) {
		method, body = http.MethodPut, d.body(rt)
	}
	if err := d.send(method, rt.Endpoint+"/"+id, body, nil); !errors.Is(err, errTaken) {
		return err
	}
	return nil
}

func (d *directory) operation(rt *resourceType) map[string]any {
	if rt.Name == "Group" && chance(d.r, 60) {
		return map[string]any{"op": pick(d.r, []string{"add", "remove", "replace"}), "path": "members", "value": d.members()}
	}
	for {
		s := pick(d.r, append([]*schema{rt.core}, rt.exts...))
		a := pick(d.r, s.Attributes)
		if a.Mutability == "readOnly" || d.relation(s, a) {
			continue
		}
		op := map[string]any{"op": "replace", "path": s.ID + ":" + a.Name}
		v := d.attribute(a)
		if v == nil || !a.Required && chance(d.r, 30) {
			op["op"] = "remove"
			return op
		}
		op["value"] = v
		return op
	}
}
