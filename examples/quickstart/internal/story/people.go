package story

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// signIn goes through the provider, from the product's button to wherever it ends.
func (t *teller) signIn(ctx context.Context, b *browser, email string) (answer, error) {
	return b.throughProvider(ctx, http.MethodGet, t.AppURL+"/login?email="+url.QueryEscape(email), email, t.Password)
}

func (t *teller) bobSignsIn(ctx context.Context) error {
	a, err := t.signIn(ctx, t.bob, t.email("bob"))
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("expected the product's page, got %d from %s: %s", a.status, a.url, a.short())
	}
	var me struct{ Email, Issuer, Subject, Tenant string }
	if _, err := t.bob.get(ctx, t.AppURL+"/me", &me); err != nil {
		return err
	}
	if me.Email != t.email("bob") || me.Tenant != t.Org {
		return fmt.Errorf("expected %s of %s, got %+v", t.email("bob"), t.Org, me)
	}
	t.say("%s, issuer %s, subject %s", me.Email, me.Issuer, me.Subject)
	return nil
}

func (t *teller) lockedField(ctx context.Context) error {
	o, err := t.state(ctx)
	if err != nil {
		return err
	}
	bob, ok := o.user(t.email("bob"))
	if !ok {
		return fmt.Errorf("expected %s in the product", t.email("bob"))
	}
	a, err := t.owner.post(ctx, t.org("/users/"+bob.ID), url.Values{"name": {"Robert Baker"}, "email": {bob.Email}})
	if err != nil {
		return err
	}
	p, err := a.refused(http.StatusConflict, "resource_locked")
	if err == nil {
		t.say("409 %s: %s", p.Code, p.Detail)
	}
	return err
}

func (t *teller) removeFromGroup(ctx context.Context) error {
	if err := t.atProvider(ctx, "members/remove", url.Values{"group": {"oncall-sre"}, "email": {t.email("bob")}}); err != nil {
		return err
	}
	if err := t.atProvider(ctx, "push", nil); err != nil {
		return err
	}
	return eventually(ctx, func(ctx context.Context) error {
		o, err := t.state(ctx)
		if err != nil {
			return err
		}
		sre, database := o.members("oncall-sre"), o.members("oncall-database")
		if !slices.Equal(sre, []string{"alice (member)"}) || !slices.Contains(database, "bob (member)") {
			return fmt.Errorf("expected bob to leave oncall-sre alone, got %v and %v", sre, database)
		}
		t.say("oncall-sre: %s; oncall-database: %s", quoted(sre), quoted(database))
		return nil
	})
}

func (t *teller) deactivate(ctx context.Context) error {
	if _, err := t.signIn(ctx, t.carol, t.email("carol")); err != nil {
		return err
	}
	if err := t.signedInAs(ctx, t.carol, t.email("carol")); err != nil {
		return err
	}
	t.say("carol is signed in")
	if err := t.atProvider(ctx, "users/active", url.Values{"email": {t.email("carol")}, "active": {"false"}}); err != nil {
		return err
	}
	if err := t.atProvider(ctx, "push", nil); err != nil {
		return err
	}
	err := eventually(ctx, func(ctx context.Context) error {
		a, err := t.carol.get(ctx, t.AppURL+"/me", nil)
		if err == nil && a.status != http.StatusUnauthorized {
			err = fmt.Errorf("expected carol's session to end, got %d: %s", a.status, a.short())
		}
		return err
	})
	if err != nil {
		return err
	}
	t.say("her session has ended")
	a, err := t.signIn(ctx, t.carol, t.email("carol"))
	if err != nil {
		return err
	}
	if a.status != http.StatusForbidden {
		return fmt.Errorf("expected 403 for somebody who was set inactive, got %d from %s: %s", a.status, a.url, a.short())
	}
	text := textOf(a.body)
	if !strings.Contains(text, "user_inactive") {
		return fmt.Errorf("expected the code user_inactive, got: %s", text)
	}
	t.say("signing in again: 403, %s", text)
	return nil
}

// textOf returns what a refusal's page says to a person.
func textOf(page []byte) string {
	var b strings.Builder
	inTag, inStyle := false, false
	s := string(page)
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "<style"), strings.HasPrefix(s[i:], "<head>"):
			inStyle, inTag = true, true
		case strings.HasPrefix(s[i:], "</style>"), strings.HasPrefix(s[i:], "</head>"):
			inStyle, inTag = false, true
		case s[i] == '<':
			inTag = true
			b.WriteByte(' ')
		case s[i] == '>':
			inTag = false
		case !inTag && !inStyle:
			b.WriteByte(s[i])
		}
	}
	return strings.Join(strings.Fields(html.UnescapeString(b.String())), " ")
}

func (t *teller) noWayAround(ctx context.Context) error {
	for _, email := range []string{t.email("bob"), t.email("alice")} {
		a, err := t.stranger.post(ctx, t.AppURL+"/login/password", url.Values{"email": {email}, "password": {t.Password}})
		if err != nil {
			return err
		}
		p, err := a.refused(http.StatusUnauthorized, "sign_in_failed")
		if err != nil {
			return err
		}
		t.say("%s: 401, %s", email, p.Detail)
	}
	return nil
}

func (t *teller) breakGlass(ctx context.Context) error {
	return t.passwordLogin(ctx, t.stranger, t.BreakGlass, "break_glass")
}

func (t *teller) journal(ctx context.Context) error {
	var page struct {
		Entries []struct{ Type string }
		Next    string
	}
	count, events := map[string]int{}, 0
	for next := t.set("/audit"); next != ""; {
		page.Entries, page.Next = nil, ""
		if _, err := t.owner.get(ctx, next, &page); err != nil {
			return err
		}
		events += len(page.Entries)
		for _, e := range page.Entries {
			count[e.Type]++
		}
		next = ""
		if page.Next != "" {
			next = t.AppURL + page.Next
		}
	}
	for _, want := range []string{"connection.approved", "connection.activated", "api_key.created", "scim.user.created", "break_glass.used"} {
		if count[want] == 0 {
			return fmt.Errorf("expected an event %s in the journal", want)
		}
	}
	t.say("%d events of %d kinds", events, len(count))
	return nil
}
