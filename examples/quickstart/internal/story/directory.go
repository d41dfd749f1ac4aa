package story

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
)

func (t *teller) makeKey(ctx context.Context) error {
	a, err := t.owner.post(ctx, t.set("/provisioning/keys"), url.Values{"name": {"Initech directory"}})
	if err != nil {
		return err
	}
	var out struct {
		Key  string
		Keys []struct{ Name, Hint string }
	}
	if err := a.decode(http.StatusOK, &out); err != nil {
		return err
	}
	if out.Key == "" || len(out.Keys) != 1 {
		return fmt.Errorf("expected one key, shown once, got %d keys", len(out.Keys))
	}
	t.apiKey = out.Key
	t.say("%s: %s, shown once", out.Keys[0].Name, out.Keys[0].Hint)

	a, err = t.owner.get(ctx, t.set("/provisioning"), nil)
	if err != nil {
		return err
	}
	if strings.Contains(string(a.body), t.apiKey) {
		return errors.New("the key is shown a second time")
	}
	return nil
}

// scimStatus asks a SCIM endpoint with the key and returns the status and detail.
func (t *teller) scimStatus(ctx context.Context, base string) (status int, detail string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/Users?count=1", nil)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+t.apiKey)
	resp, err := t.stranger.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	var b [2048]byte
	n, _ := resp.Body.Read(b[:])
	return resp.StatusCode, string(b[:n]), nil
}

func (t *teller) foreignKey(ctx context.Context) error {
	own, _, err := t.scimStatus(ctx, t.scimBaseURL)
	if err != nil {
		return err
	}
	if own != http.StatusOK {
		return fmt.Errorf("expected 200 at the tenant's own base URL, got %d", own)
	}
	foreign, foreignBody, err := t.scimStatus(ctx, t.OtherBaseURL)
	if err != nil {
		return err
	}
	unknown, unknownBody, err := t.scimStatus(ctx, strings.Replace(t.scimBaseURL, t.Org, "nobody-at-all", 1))
	if err != nil {
		return err
	}
	if foreign != http.StatusUnauthorized || unknown != http.StatusUnauthorized || foreignBody != unknownBody {
		return fmt.Errorf("expected the same 401 for a foreign and an unknown tenant, got %d %s and %d %s", foreign, foreignBody, unknown, unknownBody)
	}
	t.say("401 with the same answer as for a tenant that does not exist")
	return nil
}

func (t *teller) push(ctx context.Context) error {
	if err := t.atProvider(ctx, "scim", url.Values{"base_url": {t.scimBaseURL}, "token": {t.apiKey}}); err != nil {
		return err
	}
	if err := t.atProvider(ctx, "push", nil); err != nil {
		return err
	}
	return eventually(ctx, func(ctx context.Context) error {
		t.said = nil
		o, err := t.state(ctx)
		if err != nil {
			return err
		}
		for _, name := range []string{"alice", "bob", "carol", "dave"} {
			u, ok := o.user(t.email(name))
			if !ok {
				return fmt.Errorf("expected %s in the product after the push", t.email(name))
			}
			t.say("%s: source %s, role %s, locked: %s", u.Email, u.Source, u.OrgRole, quoted(u.LockedFields))
		}
		return nil
	})
}

// orgState is the organisation in the product's state_url.
type orgState struct {
	ID    string
	Users []struct {
		ID, Email, Source string
		Active            bool
		OrgRole           string   `json:"org_role"`
		LockedFields      []string `json:"locked_fields"`
	}
	Teams []struct {
		ID, Name, Source string
	}
	Memberships []struct {
		Team, User, Role, Source string
	}
}

type userState = struct {
	ID, Email, Source string
	Active            bool
	OrgRole           string   `json:"org_role"`
	LockedFields      []string `json:"locked_fields"`
}

func (o orgState) user(email string) (userState, bool) {
	for _, u := range o.Users {
		if u.Email == email {
			return u, true
		}
	}
	return userState{}, false
}

// members returns who is in a team, as "name (role)".
func (o orgState) members(team string) []string {
	var out []string
	for _, m := range o.Memberships {
		if m.Team == team {
			name, _, _ := strings.Cut(m.User, "@")
			out = append(out, name+" ("+m.Role+")")
		}
	}
	sort.Strings(out)
	return out
}

func (t *teller) state(ctx context.Context) (orgState, error) {
	var s struct{ Organisations []orgState }
	if _, err := t.stranger.get(ctx, t.AppURL+"/state", &s); err != nil {
		return orgState{}, err
	}
	for _, o := range s.Organisations {
		if o.ID == t.Org {
			return o, nil
		}
	}
	return orgState{}, fmt.Errorf("expected %s in the product's state", t.Org)
}

func (t *teller) listPeople(ctx context.Context) error {
	var page struct {
		Users []struct {
			Email, Source string
			NameLock      string `json:"name_lock"`
		}
	}
	if _, err := t.owner.get(ctx, t.org("/users"), &page); err != nil {
		return err
	}
	sources := map[string]int{}
	for _, u := range page.Users {
		sources[u.Source]++
		if u.Email == t.email("alice") {
			if u.NameLock == "" {
				return errors.New("expected a lock on the name of a provisioned user")
			}
			t.say("lock: %s", u.NameLock)
		}
	}
	if sources["scim"] != 4 || sources["manual"] != 2 {
		return fmt.Errorf("expected 4 users by SCIM and 2 by hand, got %v", sources)
	}
	t.say("%d users by SCIM, %d by hand", sources["scim"], sources["manual"])
	return nil
}

// rules is the mapping as the owner sees it.
type rules struct {
	Draft struct {
		Revision int64
		Preview  string
	}
}

// mapping changes the owner's draft of the mapping.
func (t *teller) mapping(ctx context.Context, path string, form url.Values) error {
	var page rules
	if _, err := t.owner.get(ctx, t.set("/groups"), &page); err != nil {
		return err
	}
	form.Set("revision", fmt.Sprint(page.Draft.Revision))
	a, err := t.owner.post(ctx, t.set("/groups/"+path), form)
	if err != nil {
		return err
	}
	return a.decode(http.StatusOK, nil)
}

func (t *teller) manualMode(ctx context.Context) error {
	o, err := t.state(ctx)
	if err != nil {
		return err
	}
	team := ""
	for _, x := range o.Teams {
		if x.Name == "Printers" {
			team = x.ID
		}
	}
	var list struct {
		Groups []struct {
			ID, Name string
			Members  int
		}
	}
	if _, err := t.owner.get(ctx, t.set("/groups/list"), &list); err != nil {
		return err
	}
	if err := t.mapping(ctx, "mode", url.Values{"mode": {"manual"}}); err != nil {
		return err
	}
	for _, g := range list.Groups {
		t.say("group %s with %d members", g.Name, g.Members)
		if g.Name == "oncall-sre" {
			err = t.mapping(ctx, "row", url.Values{"group": {g.ID}, "team": {team}, "team_role": {"administrator"}})
		}
		if err != nil {
			return err
		}
	}
	if err := t.previewAndApply(ctx); err != nil {
		return err
	}
	if o, err = t.state(ctx); err != nil {
		return err
	}
	if got := o.members("Printers"); !slices.Equal(got, []string{"alice (administrator)", "bob (administrator)"}) {
		return fmt.Errorf("expected alice and bob as administrators of Printers, got %v", got)
	}
	t.say("Printers: %s", quoted(o.members("Printers")))
	return nil
}

// previewAndApply previews the draft and applies what the preview showed.
func (t *teller) previewAndApply(ctx context.Context) error {
	send := func(path string, form url.Values) error {
		a, err := t.owner.post(ctx, path, form)
		if err == nil {
			a, err = t.owner.outcome(ctx, t.AppURL, a)
		}
		if err != nil {
			return err
		}
		return a.decode(http.StatusOK, nil)
	}
	if err := send(t.set("/groups/preview"), nil); err != nil {
		return err
	}
	var page rules
	if _, err := t.owner.get(ctx, t.set("/groups"), &page); err != nil {
		return err
	}
	var plan struct {
		Hash    string
		Summary []string
		Tabs    []struct {
			Name, URL string
			Count     int
		}
	}
	preview := t.AppURL + page.Draft.Preview
	if _, err := t.owner.get(ctx, preview, &plan); err != nil {
		return err
	}
	t.say("preview: %s", strings.Join(plan.Summary, " "))
	for _, tab := range plan.Tabs {
		var part struct {
			Lines []struct{ Kind, Person, Team, Group, Reason string }
		}
		if _, err := t.owner.get(ctx, t.AppURL+tab.URL, &part); err != nil {
			return err
		}
		for _, l := range part.Lines {
			t.say("  %s %s %s (%s)", l.Kind, l.Person, l.Team, l.Reason)
		}
	}
	return send(preview, url.Values{"hash": {plan.Hash}})
}

func (t *teller) autoMode(ctx context.Context) error {
	for _, change := range []struct {
		path string
		form url.Values
	}{
		{"mode", url.Values{"mode": {"auto"}}},
		{"auto", url.Values{"filter_kind": {"glob"}, "filter": {"oncall-*"}, "team_role": {"member"}}},
		{"rules", url.Values{"unmanaged_people": {"take"}}},
	} {
		if err := t.mapping(ctx, change.path, change.form); err != nil {
			return err
		}
	}
	if err := t.previewAndApply(ctx); err != nil {
		return err
	}
	o, err := t.state(ctx)
	if err != nil {
		return err
	}
	if got := o.members("Printers"); len(got) != 0 {
		return fmt.Errorf("expected nobody by group in Printers any more, got %v", got)
	}
	for team, want := range map[string][]string{
		"oncall-sre":      {"alice (member)", "bob (member)"},
		"oncall-database": {"bob (member)", "carol (member)"},
		"everybody":       nil, // the filter leaves it out
	} {
		if got := o.members(team); !slices.Equal(got, want) {
			return fmt.Errorf("expected %v in %s, got %v", want, team, got)
		}
	}
	t.say("oncall-sre: %s; oncall-database: %s", quoted(o.members("oncall-sre")), quoted(o.members("oncall-database")))
	return nil
}
