package portal

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestR59AccountsAreTakenOver: an owner previews a list, approves just that, and takes it back.
func TestR59AccountsAreTakenOver(t *testing.T) {
	p := newPersonWorld(t)
	p.host.accounts["u-eve"] = &provisioning.AccountState{ID: "u-eve", Email: "eve@acme.com", Active: true, OrgRole: "member"}
	b, page := p.as(t, "owner"), at("/people/convert")
	convertible := func() bool {
		rec, err := p.store.Account(t.Context(), org, "u-eve")
		if err != nil {
			require.ErrorIs(t, err, store.ErrNotFound)
			return false
		}
		return rec.Convertible
	}
	require.Contains(t, b.get(at("/people")).body, page)
	require.Contains(t, clean(t, b.get(page)).body, "There is nothing to decide.")
	for name, c := range map[string]struct{ entries, want string }{
		"nothing":    {" \n", "Enter at least one e-mail address"},
		"prose":      {"eve@acme.com\nall of our people", "Line 2 is no e-mail address"},
		"very many":  {strings.Repeat("x@acme.com\n", 1001), "at most 1,000"},
		"no text":    {"\xff\xfe", "as plain text"},
		"a script":   {"<script>alert(1)</script> or so", "Line 1 is no e-mail address"},
		"turned txt": {"\u202emoc.emca@eve x y", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := clean(t, b.post(page, "then", "preview", "entries", c.entries))
			if c.want == "" {
				require.Contains(t, []int{http.StatusOK, http.StatusUnprocessableEntity}, a.status)
				return
			}
			require.Equal(t, http.StatusUnprocessableEntity, a.status)
			require.Contains(t, a.body, `id="f-entries-error"`)
			require.Contains(t, a.body, c.want)
		})
	}
	require.Equal(t, http.StatusNotFound, b.post(page, "then", "explode", "entries", "eve@acme.com").status)
	a := clean(t, b.post(page, "then", "preview", "entries", "eve@acme.com", "revoke_tokens", "1"))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, "can&#39;t end API tokens")

	a = clean(t, b.post(page, "then", "preview", "entries", "eve@acme.com\nnobody@acme.com\nada@acme.com\nroot@acme.com"))
	require.Equal(t, http.StatusOK, a.status)
	for _, want := range []string{"1 account can be changed.", "There is no such account", "A directory manages it already", "The root user is left alone"} {
		require.Contains(t, a.body, want)
	}
	require.False(t, convertible(), "a preview changes nothing")
	require.Equal(t, http.StatusConflict, b.post(page, "then", "approve", "entries", "eve@acme.com", "hash", "abc").status)
	require.False(t, convertible())
	p.host.accounts["u-eve"].Email = "eva@acme.com"
	stale := b.post(page, "then", "approve", "entries", "u-eve", "hash", fieldIn(t, hashField, a))
	require.Equal(t, http.StatusConflict, stale.status)
	require.Contains(t, stale.body, "Here is the new one.")
	done := clean(t, b.post(page, "then", "approve", "entries", "u-eve", "hash", fieldIn(t, hashField, stale)))
	require.Contains(t, done.body, "The directory may take over these accounts.")
	require.True(t, convertible())

	person := clean(t, b.get(at("/people/a/u-eve")))
	require.Contains(t, person.body, `value="undo-preview"`)
	a = clean(t, b.post(page, "then", "undo-preview", "entries", "u-eve"))
	require.Contains(t, a.body, "What taking it back does")
	a = clean(t, b.post(page, "then", "undo", "entries", "u-eve", "hash", fieldIn(t, hashField, a)))
	require.Contains(t, a.body, "It was taken back.")
	require.False(t, convertible())

	require.Equal(t, http.StatusForbidden, p.as(t, "member").get(page).status)
	require.Equal(t, http.StatusNotFound, p.as(t, "stranger").post(page, "then", "preview", "entries", "u-eve").status)
	foreign := clean(t, p.as(t, "stranger").post("/settings/sso/t/"+other+"/people/convert", "then", "preview", "entries", "someone-else"))
	require.Contains(t, foreign.body, "There is no such account")
}

// TestU6ConflictIsACardWithOneDecision: somebody whom the directory can't have is a card; what is decided is previewed first.
func TestU6ConflictIsACardWithOneDecision(t *testing.T) {
	p := newPersonWorld(t)
	p.host.accounts["u-eve"] = &provisioning.AccountState{ID: "u-eve", Email: "eve@acme.com", Active: true, OrgRole: "member"}
	p.host.accounts["u-fay"] = &provisioning.AccountState{ID: "u-fay", Email: "fay@acme.com", Active: true, OrgRole: "member"}
	p.user(t, "eve", "fay")
	_, err := p.engine.Sync(t.Context(), org)
	require.NoError(t, err)
	b, page := p.as(t, "owner"), at("/people/convert")
	a := clean(t, b.get(page))
	require.Contains(t, a.body, "There is an account of this address")
	cards := regexp.MustCompile(`convert/(\d+)" class="actions"`).FindAllStringSubmatch(a.body, -1)
	require.Len(t, cards, 2)
	fay, eve := page+"/"+cards[0][1], page+"/"+cards[1][1]

	require.Equal(t, http.StatusUnprocessableEntity, b.post(eve, "action", "explode").status)
	require.Equal(t, http.StatusUnprocessableEntity, b.post(eve, "action", "link", "account", "").status)
	require.Equal(t, http.StatusUnprocessableEntity, b.post(eve, "action", "accept").status, "not what the card offers")
	for _, card := range []string{"x", "-1", "0", "999999"} {
		require.Equal(t, http.StatusNotFound, b.post(page+"/"+card, "action", "ignore").status, card)
	}
	require.Equal(t, http.StatusNotFound, p.as(t, "stranger").post("/settings/sso/t/"+other+"/people/convert/"+cards[0][1], "action", "ignore").status)
	p.denied[tenant.ActionManageSCIM] = true
	require.Equal(t, http.StatusForbidden, b.post(eve, "action", "ignore").status)
	p.denied[tenant.ActionManageSCIM] = false

	a = clean(t, b.post(eve, "action", "convert"))
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, "1 account can be changed.")
	_, err = p.store.AccountOfSCIMUser(t.Context(), org, p.ids["eve"])
	require.ErrorIs(t, err, store.ErrNotFound)
	require.Equal(t, http.StatusConflict, b.post(eve, "action", "convert", "hash", "abc").status)
	a = clean(t, b.post(eve, "action", "convert", "hash", fieldIn(t, hashField, a)))
	require.Contains(t, a.body, "The directory may take over these accounts.")
	rec, err := p.store.AccountOfSCIMUser(t.Context(), org, p.ids["eve"])
	require.NoError(t, err)
	require.Equal(t, "u-eve", rec.ID)
	a = clean(t, b.post(fay, "action", "ignore"))
	require.Contains(t, a.body, "There is nothing to decide.")
	require.Equal(t, page, b.get(fay).url.Path, "loaded again, a card is the list")
}
