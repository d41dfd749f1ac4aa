package portal

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// The picture is bounded: who has more groups reads the table.
const (
	pictureGroups = 40
	// Measures of the picture, in its own units.
	nodeWidth, nodeHeight, nodeGap = 260, 34, 10
	edgeWidth                      = 220
	nodeText                       = 30 // characters of a name that are drawn
)

// picturePage draws which groups give what, for people who would rather look than read.
type picturePage struct {
	Head groupHead `json:"-"`
	// Edges say the same in words.
	Edges []pictureEdge `json:"edges"`
	Left  []pictureNode `json:"-"`
	Right []pictureNode `json:"-"`
	Lines []pictureLine `json:"-"`
	// Width and Height are those of the picture.
	Width  int `json:"-"`
	Height int `json:"-"`
	// Groups are drawn, of Total that give something.
	Groups int `json:"groups"`
	Total  int `json:"total"`
}

// pictureEdge is one thing that a group gives.
type pictureEdge struct {
	Group string `json:"group"`
	To    string `json:"to"`
	Role  string `json:"role,omitempty"`
	// Kind is "team", or "org" for a role in the organisation.
	Kind string `json:"kind"`
	Gone bool   `json:"gone,omitempty"`

	from, to string
}

// pictureNode is a box with a name; Full is all of a name that is too long for it.
type pictureNode struct {
	X, Y, Width, Height int
	TextX, TextY        int
	Text, Full, Kind    string
}

// pictureLine is the curve of an edge, by its four points.
type pictureLine struct {
	X1, Y1, X2, Y2, MX int
	Title, Kind        string
}

func (h *Handler) groupPicture(v *visit) error {
	head, err := v.groupHead("picture")
	if err != nil {
		return err
	}
	body := picturePage{Head: head, Edges: []pictureEdge{}}
	switch s := head.draft.Settings; {
	case h.cfg.Engine.Choices().OwnMapper:
	case s.Mode == store.ModeManual:
		err = v.manualEdges(&body, s.Rows)
	case s.Mode == store.ModeAuto:
		err = v.autoEdges(&body, s.Auto)
	}
	if err != nil {
		return err
	}
	body.draw()
	return v.show("group-picture", "Picture", body)
}

// manualEdges are those of the first groups of the mapping.
func (v *visit) manualEdges(body *picturePage, rows []store.MappingRow) error {
	groups, drawn := map[string]bool{}, []mappingRow{} // whether a group is drawn
	for i, r := range rows {
		if _, seen := groups[r.GroupID]; !seen {
			groups[r.GroupID] = body.Groups < pictureGroups
			if groups[r.GroupID] {
				body.Groups++
			}
		}
		if groups[r.GroupID] && len(drawn) < 3*pictureGroups {
			drawn = append(drawn, mappingRow{Index: i, GroupID: r.GroupID, Group: r.GroupID, TeamID: r.TeamID, Team: r.TeamID, TeamRole: r.TeamRole, OrgRole: r.OrgRole})
		}
	}
	body.Total = len(groups)
	if err := v.nameRows(drawn); err != nil {
		return err
	}
	for _, r := range drawn {
		if r.TeamID != "" {
			body.Edges = append(body.Edges, pictureEdge{Group: r.Group, To: r.Team, Role: v.role(r.TeamRole), Kind: "team", Gone: r.GroupGone || r.TeamGone, from: r.GroupID, to: "team " + r.TeamID})
		}
		if r.OrgRole != "" {
			body.Edges = append(body.Edges, v.orgEdge(r.GroupID, r.Group, r.OrgRole, r.GroupGone))
		}
	}
	return nil
}

func (v *visit) orgEdge(groupID, group, role string, gone bool) pictureEdge {
	return pictureEdge{Group: group, To: v.p.text("Organisation: %s", v.role(role)), Kind: "org", Gone: gone, from: groupID, to: "org " + role}
}

// autoEdges are those of the first groups that pass the filter.
func (v *visit) autoEdges(body *picturePage, rule store.AutoRule) error {
	m, err := v.h.cfg.Engine.MatchGroups(v.r.Context(), v.Actor, v.tenantID, rule, provisioning.MatchQuery{Limit: pictureGroups})
	if err != nil {
		return err
	}
	body.Groups, body.Total = len(m.Groups), m.Matched
	for _, g := range m.Groups {
		if slices.Contains(rule.Skip, g.GroupID) || g.Team == "" {
			continue
		}
		name := cmp.Or(g.Group, g.GroupID)
		body.Edges = append(body.Edges, pictureEdge{Group: name, To: g.Team, Role: v.role(rule.TeamRole), Kind: "team", from: g.GroupID, to: "group " + g.GroupID})
		if rule.OrgRole != "" {
			body.Edges = append(body.Edges, v.orgEdge(g.GroupID, name, rule.OrgRole, false))
		}
	}
	return nil
}

// draw places the boxes: groups on the left, in the order of the rules, what they give on the right.
func (p *picturePage) draw() {
	left, right := map[string]int{}, map[string]int{}
	for _, e := range p.Edges {
		if _, ok := left[e.from]; !ok {
			left[e.from] = len(p.Left)
			p.Left = append(p.Left, newNode(0, len(p.Left), e.Group, "group"))
		}
		if _, ok := right[e.to]; !ok {
			right[e.to] = len(p.Right)
			p.Right = append(p.Right, newNode(nodeWidth+edgeWidth, len(p.Right), e.To, e.Kind))
		}
		a, b := p.Left[left[e.from]], p.Right[right[e.to]]
		title := e.Group + " → " + e.To
		if e.Role != "" {
			title += " (" + e.Role + ")"
		}
		p.Lines = append(p.Lines, pictureLine{
			X1: a.X + a.Width, Y1: a.Y + a.Height/2, X2: b.X, Y2: b.Y + b.Height/2, MX: nodeWidth + edgeWidth/2, Title: title, Kind: e.Kind,
		})
	}
	p.Width, p.Height = 2*nodeWidth+edgeWidth, max(len(p.Left), len(p.Right))*(nodeHeight+nodeGap)
}

func newNode(x, i int, name, kind string) pictureNode {
	n := pictureNode{X: x, Y: i*(nodeHeight+nodeGap) + nodeGap/2, Width: nodeWidth, Height: nodeHeight, Text: name, Full: name, Kind: kind}
	n.TextX, n.TextY = n.X+12, n.Y+nodeHeight/2+5
	if r := []rune(name); len(r) > nodeText {
		n.Text = strings.TrimSpace(string(r[:nodeText-1])) + "…"
	}
	return n
}
