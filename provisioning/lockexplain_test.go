package provisioning

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestR107ExplanationsInLanguages reads every variant as a person would.
func TestR107ExplanationsInLanguages(t *testing.T) {
	w, ada := lockWorld(t)
	require.NoError(t, w.st.MarkDirectoryUsed(w.ctx, org, w.ids["dir"], time.Date(2026, 11, 24, 10, 42, 0, 0, time.UTC)))
	w.clock.add(2 * time.Hour)
	locks := newLocks(w)
	role := Resource{Kind: ResourceOrgRole, AccountID: ada}
	tests := []struct {
		r       Resource
		field   string
		op      Op
		variant LockVariant
		en, de  string
	}{
		{
			lockOf(ada), "email", OpUpdate, LockedUser,
			"This user is managed by Okta. Since 24 November 2026. Change it in Okta; the next sync updates this page. Last sync: 24 November 2026, 10:42 UTC.",
			"Diese Person wird von Okta verwaltet. Seit 24.11.2026. Ändern Sie es bei Okta; die nächste Synchronisierung aktualisiert diese Seite. Letzte Synchronisierung: 24.11.2026, 10:42 UTC.",
		},
		{
			lockOf(ada), "", OpDelete, LockedUser,
			"This user is managed by Okta. Since 24 November 2026. Remove the user in Okta; access ends with the next sync. Last sync: 24 November 2026, 10:42 UTC.",
			"Diese Person wird von Okta verwaltet. Seit 24.11.2026. Entfernen Sie die Person bei Okta; der Zugang endet mit der nächsten Synchronisierung. Letzte Synchronisierung: 24.11.2026, 10:42 UTC.",
		},
		{
			lockOf(ada), "phone", OpUpdate, LockedField,
			"This user is managed by Okta. Since 24 November 2026. Change it in Okta, or let people change their phone number in the SCIM preferences. Last sync: 24 November 2026, 10:42 UTC.",
			"Diese Person wird von Okta verwaltet. Seit 24.11.2026. Ändern Sie es bei Okta, oder lassen Sie Personen ihre Telefonnummer selbst ändern (SCIM-Einstellungen). Letzte Synchronisierung: 24.11.2026, 10:42 UTC.",
		},
		{
			role, "", OpUpdate, LockedOrgRole,
			"This role comes from the group “SRE” of Okta. Since 24 November 2026. Change the group in Okta, or what it gives in the provisioning settings. Last sync: 24 November 2026, 10:42 UTC.",
			"Diese Rolle kommt aus der Gruppe „SRE“ von Okta. Seit 24.11.2026. Ändern Sie die Gruppe bei Okta, oder in den Einstellungen der Bereitstellung, was sie gibt. Letzte Synchronisierung: 24.11.2026, 10:42 UTC.",
		},
	}
	for _, tt := range tests {
		l := w.lock(locks, tt.r, tt.field, tt.op)
		require.Equal(t, tt.variant, l.Variant)
		require.Equal(t, tt.en, l.Explain(""))
		require.Equal(t, tt.de, l.Explain("de-AT"))
		require.True(t, strings.HasPrefix(tt.en, l.Reason))
		require.Contains(t, tt.en, l.HowToChange)
	}

	w.set(auto())
	team := Resource{Kind: ResourceTeam, TeamID: w.host.teamNamed("SRE")}
	l := w.lock(locks, team, "name", OpUpdate)
	require.Equal(t, LockedTeam, l.Variant)
	require.False(t, l.Since.IsZero(), "since the team was made")
	require.Contains(t, l.Explain("de"), "Dieses Team gehört zu der Gruppe „SRE“ von Okta.")
	l = w.lock(locks, Resource{Kind: ResourceMembership, AccountID: "u-root", TeamID: team.TeamID}, "", OpCreate)
	require.Equal(t, LockedMembers, l.Variant)
	require.Contains(t, l.Explain("en"), "The members of this team come from the group “SRE” of Okta.")
}

func TestLanguageOfAnExplanation(t *testing.T) {
	l := Lock{Locked: true, Variant: LockedUser, Op: OpUpdate}
	texts := LockTextsFunc(func(lang, key string) (string, bool) {
		switch lang + " " + key {
		case "fr reason.user":
			return "{source} gère cette personne.", true
		case "fr provider":
			return "votre fournisseur d’identité", true
		case "en reason.user":
			return "{source} has this one. {unknown}", true
		}
		return "", false
	})
	for _, tt := range []struct {
		lang  string
		texts LockTexts
		want  string
	}{
		{"", nil, "This user is managed by your identity provider."},
		{"de", nil, "Diese Person wird von Ihrem Identitätsanbieter verwaltet."},
		{"DE_ch", nil, "Diese Person"},
		{"tlh, de;q=0.8, en;q=0.5", nil, "Diese Person"},
		{"en-GB,de", nil, "This user"},
		{"tlh", nil, "This user"},
		{"fr-CA", nil, "This user"},
		{"fr-CA", texts, "Votre fournisseur d’identité gère cette personne. Change it in votre fournisseur d’identité;"},
		{"de", texts, "Diese Person"},
		{"", texts, "Your identity provider has this one. {unknown}"},
		{strings.Repeat("x", 100) + ",de", nil, "Diese Person"},
		{strings.Repeat("xx,", 1000) + "de", nil, "This user"},
		{"\x00,;;;,,-,_", nil, "This user"},
	} {
		l.texts = tt.texts
		require.Contains(t, l.Explain(tt.lang), tt.want, "%q", clip(tt.lang))
	}
	require.Empty(t, Lock{}.Explain("en"))
}

// TestHostileNamesInExplanations: names come from directories and people.
func TestHostileNamesInExplanations(t *testing.T) {
	l := Lock{
		Locked: true, Variant: LockedMembership, Op: OpDelete, Source: "Ok\u202eta {groups}\x00",
		Groups: []string{"{source}", "<script>", "a\nb", strings.Repeat("x", 10<<10), "5", "6", "7"},
	}
	text := l.Explain("en")
	require.True(t, utf8.ValidString(text))
	require.NotContains(t, text, "\u202e")
	require.NotContains(t, text, "\x00")
	require.NotContains(t, text, "\n")
	require.Contains(t, text, "the groups “{source}”, “<script>”, “a b”,")
	require.Contains(t, text, "and 2 more of")
	require.Less(t, len(text), 1500)

	l = Lock{Variant: LockedUser, Lifted: LiftedOverride, Override: &store.LockOverride{
		Reason: "left\n the company {by}", By: store.EventActor{Name: "Ada\u202e {reason}"}, Until: time.Date(2026, 12, 3, 12, 0, 0, 0, time.UTC),
	}}
	require.Contains(t, l.Explain("en"), "Ada {reason} lifted the lock until 3 December 2026, 12:00 UTC: “left the company {by}”.")
	l.Override.By.Name = ""
	require.Contains(t, l.Explain("de"), "von jemand")

	l = Lock{Locked: true, Variant: LockedTeam}
	require.Contains(t, l.Explain("en"), "a group that was deleted")
	require.Contains(t, Lock{Locked: true, Variant: LockedTeam, Groups: []string{"A", "B"}}.Explain("de"), "den Gruppen „A“, „B“")
}

// TestLockSurvivesJSON: what a page got over an API explains itself, too.
func TestLockSurvivesJSON(t *testing.T) {
	w, ada := lockWorld(t)
	require.NoError(t, w.st.MarkDirectoryUsed(w.ctx, org, w.ids["dir"], w.clock.Now()))
	w.clock.add(22 * 24 * time.Hour)
	l := w.lock(newLocks(w), Resource{Kind: ResourceOrgRole, AccountID: ada}, "", OpUpdate)
	require.Contains(t, l.Explain("en"), "3 weeks")
	b, err := json.Marshal(l)
	require.NoError(t, err)
	var back Lock
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, l.Explain("en"), back.Explain("en"))
	require.Equal(t, l.Explain("de"), back.Explain("de"))
	require.Equal(t, "Made elsewhere. Do so.", Lock{Locked: true, Reason: "Made elsewhere.", HowToChange: "Do so."}.Explain("en"))
}

var place = regexp.MustCompile(`\{[a-z]+\}`)

// TestLockTexts: each language has all texts, with the same places.
func TestLockTexts(t *testing.T) {
	keys := LockTextKeys()
	require.NotEmpty(t, keys)
	require.True(t, slices.IsSortedFunc(keys, func(a, b LockTextKey) int { return strings.Compare(a.Key, b.Key) }))
	places := func(s string) []string { return slices.Sorted(slices.Values(place.FindAllString(s, -1))) }
	for lang, texts := range lockTexts {
		require.Len(t, texts, len(keys), lang)
		for _, k := range keys {
			require.NotEmpty(t, texts[k.Key], "%s %s", lang, k.Key)
			require.Equal(t, slices.Compact(places(k.English)), slices.Compact(places(texts[k.Key])), "%s %s", lang, k.Key)
		}
	}
	for _, d := range []struct {
		days int
		want string
	}{{1, "1 day"}, {13, "13 days"}, {14, "2 weeks"}, {22, "3 weeks"}} {
		require.Equal(t, d.want, words{lang: "en"}.span(time.Duration(d.days)*24*time.Hour+time.Hour))
	}
}
