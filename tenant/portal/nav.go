package portal

import "github.com/tenantgate/tenantgate/tenant"

// entry is a screen in the navigation.
type entry struct {
	name   string // of the template, as show gets it
	title  string
	path   []string
	action tenant.Action
	// memberOnly entries are for nobody who came by a set-up link.
	memberOnly bool
	// also are other templates that belong to it.
	also []string
}

// entries are the navigation of an organisation's pages, in order.
var entries = []entry{
	{name: "overview", title: "Overview", action: tenant.ActionViewConnection, also: []string{"wait", "choose", "connection", "application", "details", "secret", "test", "activate", "ending"}},
	{name: "domains", title: "Domains", path: []string{"domains"}, action: tenant.ActionViewConnection},
	{name: "provisioning", title: "Provisioning", path: []string{"provisioning"}, action: tenant.ActionViewConnection, also: []string{"requests"}},
	{name: "groups", title: "Groups and roles", path: []string{"groups"}, action: tenant.ActionViewMapping, also: []string{"group-list", "group-picture", "group-history", "group-row", "group-preview"}},
	{name: "people", title: "People", path: []string{"people"}, action: tenant.ActionViewUsers, memberOnly: true, also: []string{"person", "conversions"}},
	{name: "links", title: "Set-up links", path: []string{"links"}, action: tenant.ActionViewSetupLinks, memberOnly: true},
	{name: "audit", title: "Audit log", path: []string{"audit"}, action: tenant.ActionViewAudit, memberOnly: true},
}

// staffEntries are that of the host's staff.
var staffEntries = []entry{
	{name: "queue", title: "Requests that wait", action: tenant.ActionReview, also: []string{"review", "wait"}},
}

// nav returns what the visitor may open.
func (v *visit) nav(current string) ([]navItem, error) {
	list := entries
	if v.staff {
		list = staffEntries
	}
	if v.tenantID == "" && !v.staff || v.Actor.Kind == "" {
		return nil, nil // nobody is there yet
	}
	var items []navItem
	for _, e := range list {
		if e.memberOnly && v.link != nil || e.name == "groups" && v.h.cfg.Engine == nil {
			continue
		}
		ok, err := v.may(e.action)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		url := v.path(e.path...)
		if v.staff {
			url = v.h.prefix + "/staff"
		}
		item := navItem{Name: v.p.text(e.title), URL: url, Current: e.name == current}
		for _, also := range e.also {
			item.Current = item.Current || also == current
		}
		items = append(items, item)
	}
	return items, nil
}
