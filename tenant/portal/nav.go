package portal

import (
	"strings"

	"github.com/tenantgate/tenantgate/tenant"
)

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
	{name: "webhooks", title: "Webhooks", path: []string{"webhooks"}, action: tenant.ActionViewWebhooks, memberOnly: true, also: []string{"webhook"}},
	{name: "links", title: "Set-up links", path: []string{"links"}, action: tenant.ActionViewSetupLinks, memberOnly: true},
	{name: "audit", title: "Audit log", path: []string{"audit"}, action: tenant.ActionViewAudit, memberOnly: true},
}

// staffEntries are that of the host's staff.
var staffEntries = []entry{
	{name: "queue", title: "Requests that wait", action: tenant.ActionReview, also: []string{"review", "wait", "organisation", "org-ending"}},
	{name: "contests", title: "Contested domains", path: []string{"contests"}, action: tenant.ActionVerifyDomain, also: []string{"transfer"}},
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
		if e.memberOnly && v.link != nil || e.name == "groups" && v.h.cfg.Engine == nil || e.name == "webhooks" && !v.h.keepsWebhooks() {
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
			url = strings.Join(append([]string{v.h.prefix + "/staff"}, e.path...), "/")
		}
		item := navItem{Name: v.p.text(e.title), URL: url, Current: e.name == current}
		for _, also := range e.also {
			item.Current = item.Current || also == current
		}
		items = append(items, item)
	}
	return items, nil
}
