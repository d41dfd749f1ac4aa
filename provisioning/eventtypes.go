package provisioning

import "github.com/tenantgate/tenantgate/tenant"

// EventTypes returns the types of events that this package writes, for tenant.WebhookConfig and for a host's pages. Each
// call returns a list of its own.
func EventTypes() []tenant.EventType {
	const (
		team, account = "team", subjectAccount
		line          = "the line of the plan: what was done, and why"
	)
	did := func(k LineKind, subject, description string) tenant.EventType {
		return tenant.EventType{Type: eventPrefix + string(k), Subject: subject, Description: description, After: line}
	}
	return []tenant.EventType{
		did(TeamCreate, team, "A team was made for a group."),
		did(TeamAdopt, team, "A group took over a team that existed."),
		did(TeamRename, team, "A team followed its group's name."),
		did(TeamRelease, team, "A team has no group any more and is an ordinary one."),
		did(TeamDelete, team, "A team without a group that was unused was deleted."),
		did(TeamArchive, team, "A team without a group was archived."),
		did(TeamDeletePlanned, team, "A team without a group is to be deleted; the line has the date."),
		did(AccountCreate, account, "A provisioned user got an account."),
		did(AccountAdopt, account, "A provisioned user took over an account."),
		did(AccountUpdate, account, "An account got the directory's profile."),
		did(AccountDeactivate, account, "An account's access ended."),
		did(AccountDeletePlanned, account, "An account without access is to be deleted; the line has the date."),
		did(AccountDelete, account, "An account that waited to be deleted was deleted."),
		did(AccountReactivate, account, "An account's access came back."),
		did(AccountEndSessions, account, "Sessions of an account ended whose access had ended before."),
		did(MemberAdd, account, "Somebody joined a team by group."),
		did(MemberLink, account, "A member by hand is one by group as well."),
		did(MemberRemove, account, "Somebody left a team."),
		did(MemberRelease, account, "A member by hand is not one by group any more."),
		did(MemberRole, account, "A role in a team changed."),
		did(MemberOverride, account, "A role in a team was changed by hand and stays."),
		did(OrgRoleSet, account, "A role in the organisation changed."),
		did(OrgRoleRelease, account, "A role that came from a group stays as if given by hand."),
		did(OrgRoleOverride, account, "A role in the organisation was changed by hand and stays."),
		{Type: EventSettings, Subject: "provisioning_settings", Description: "The rules for groups are others.", Before: "the settings", After: "the settings"},
		{Type: EventClaims, Subject: account, Description: "The identity provider says something else about somebody's groups or roles.", Before: "the claims, how they came and how many values they had", After: "the same"},
		{Type: EventReset, Subject: "provisioning_settings", Description: "Roles changed by hand were set to what groups give."},
		{Type: EventPaused, Subject: "provisioning_settings", Description: "Somebody paused provisioning; Message says why."},
		{Type: EventResumed, Subject: "provisioning_settings", Description: "Somebody let through what waited."},
		{Type: EventReconciled, Subject: "provisioning", Description: "Everybody was compared with what the rules give.", After: "what was found and mended"},
		{Type: EventDeleteCancelled, Subject: team, Description: "A team that was to be deleted stays."},
		{Type: EventApplied, Subject: "provisioning_settings", Description: "Somebody applied a plan.", After: "the plan's identity and totals"},
		{Type: EventUndoRecord, Subject: "provisioning", Internal: true, Description: "What a plan did, in parts, for an undo.", After: "a part of it"},
		{Type: EventNotified, Subject: "provisioning", Internal: true, Description: "Config.Notifier was told; Code is the notice's kind."},
		{Type: EventDetached, Subject: account, Description: "The directory deleted the user of an account, which is remembered."},
		{Type: EventTied, Subject: account, Description: "An address stands for an account that a directory took over, or does not any more.", After: "the address; empty if it does not any more"},
		{Type: EventFinding, Subject: account, Description: "A plan left something undone; Code says what.", After: "the finding"},
		{Type: EventFailed, Subject: account, Internal: true, Description: "The application refused a change; it is tried again.", After: "the attempt, and the next"},
		{Type: EventRecovered, Subject: account, Internal: true, Description: "It went through at last."},
		{Type: EventRetried, Subject: "provisioning", Description: "Somebody had open work tried again at once.", After: "how much was tried, and how much went through"},
		{Type: EventBreaker, Subject: "provisioning_settings", Description: "Too many people were to lose access; provisioning is paused. Message says how many."},
		{Type: EventRefused, Subject: "scim_refusal", Description: "The policy refused a directory's write; Code says why.", After: "which directory wanted to write what"},
		{Type: EventFieldChanged, Subject: account, Description: "Another value of a field is in force, or it may be relied on or not any more.", Before: "the value that the application had", After: "the field"},
		{Type: EventFieldCode, Subject: account, Description: "A code to confirm a value was asked for; Code says why it was not sent.", After: "the field, its value masked"},
		{Type: EventFieldConfirmed, Subject: account, Description: "Somebody confirmed a value of a field.", After: "the field"},
		{Type: EventFieldRefused, Subject: account, Description: "A code was not taken; Code says why.", After: "the field, its value masked"},
		{Type: EventConvertible, Subject: account, Description: "An account may be taken over by a directory."},
		{Type: EventConversionUndone, Subject: account, Description: "Somebody took a conversion back: the account is as if no directory was to have it."},
		{Type: EventAccountDeleteCancelled, Subject: account, Description: "An account that waited to be deleted stays.", After: line},
		{Type: EventOverridden, Subject: account, Description: "Somebody lifted the lock of something that a directory manages; Message says why.", Before: "the override that it replaces", After: "the override"},
		{Type: EventOverrideEnded, Subject: account, Description: "A lock that was lifted is in force again; Code says whether somebody ended that or its time was over.", Before: "the override"},
		{Type: EventConflictDecided, Subject: subjectConflict, Description: "Somebody decided about a conflict; the code is the decision."},
	}
}
