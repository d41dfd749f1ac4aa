package provisioning

import (
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// GroupAction is what an owner decides about one group.
type GroupAction string

// The decisions about a group in automatic mode, and about a group that was made again.
const (
	// GroupAdopt lets the group take over the team of its name.
	GroupAdopt GroupAction = "adopt"
	// GroupRename gives the group's team GroupDecision.Name.
	GroupRename GroupAction = "rename"
	// GroupSkip gives the group no team.
	GroupSkip GroupAction = "skip"
	// GroupUndecided takes all decisions about the group back.
	GroupUndecided GroupAction = "undecided"
	// GroupRelink puts the group in the place of GroupDecision.OldGroupID ([Relink]).
	GroupRelink GroupAction = "relink"
)

// GroupDecision is a decision about a conflict that a plan shows.
type GroupDecision struct {
	GroupID string
	Action  GroupAction
	// Name is for GroupRename.
	Name string
	// OldGroupID is for GroupRelink.
	OldGroupID string
}

// DecideGroup returns settings with the decision in them, in place of those that it excludes: a group
// is skipped or has a team. s is not changed. Names and groups are looked at where the settings are used
// ([Engine.Preview], [Engine.ChangeDraft]); the error is a [SettingsError] if there is no such decision.
func DecideGroup(s store.ProvisioningSettings, d GroupDecision) (store.ProvisioningSettings, error) {
	errs := &SettingsError{}
	oneOf(errs, "decision", d.Action, GroupAdopt, GroupRename, GroupSkip, GroupUndecided, GroupRelink)
	if d.GroupID == "" {
		errs.add("group", "group_not_found", "expected the group that the decision is about")
	}
	if len(errs.Fields) > 0 {
		return s, errs
	}
	s = cloneSettings(s)
	if d.Action == GroupRelink {
		s, _ = Relink(s, d.OldGroupID, d.GroupID)
		return s, nil
	}
	is := func(id string) bool { return id == d.GroupID }
	named := func(n store.GroupTeamName) bool { return n.GroupID == d.GroupID }
	s.Auto.Skip = slices.DeleteFunc(s.Auto.Skip, is)
	switch d.Action {
	case GroupAdopt:
		if !slices.ContainsFunc(s.Auto.Adopt, is) {
			s.Auto.Adopt = append(s.Auto.Adopt, d.GroupID)
		}
		return s, nil
	case GroupRename:
		s.Auto.Names = append(slices.DeleteFunc(s.Auto.Names, named), store.GroupTeamName{GroupID: d.GroupID, Name: d.Name})
		return s, nil
	case GroupSkip:
		s.Auto.Skip = append(s.Auto.Skip, d.GroupID)
	}
	s.Auto.Adopt, s.Auto.Names = slices.DeleteFunc(s.Auto.Adopt, is), slices.DeleteFunc(s.Auto.Names, named)
	return s, nil
}
