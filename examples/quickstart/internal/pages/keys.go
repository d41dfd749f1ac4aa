package pages

import (
	"errors"
	"net/http"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// keysPage is the page's body.
type keysPage struct {
	BaseURL   string                      `json:"scim_base_url,omitempty"`
	Keys      []keyRow                    `json:"-"`
	List      []keyView                   `json:"keys"`
	CanCreate bool                        `json:"can_create"`
	NewKey    string                      `json:"new_key,omitempty"`
	Name      string                      `json:"-"`
	Confirm   string                      `json:"-"`
	Errors    map[string][]tenant.Finding `json:"-"`
}

// keyRow is a line of the table.
type keyRow struct {
	store.APIKey
	// Replacing and Replaced say which side of a rotation under way the key is on.
	Replacing, Replaced bool
}

// keyView is a key without its hash.
type keyView struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Hint    string   `json:"hint"`
	Scopes  []string `json:"scopes"`
	Revoked bool     `json:"revoked"`
	// Replaces is the key that this one is replacing just now.
	Replaces string `json:"replaces,omitempty"`
}

func (s *Server) keys(w http.ResponseWriter, r *http.Request, v visitor) {
	s.showKeys(w, r, v, http.StatusOK, keysPage{}, "")
}

func (s *Server) showKeys(w http.ResponseWriter, r *http.Request, v visitor, status int, body keysPage, problem string) {
	keys, err := s.Tenants.APIKeys(r.Context(), v.actor, v.org.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body.Keys, body.List = s.keyRows(keys), []keyView{}
	for _, k := range body.Keys {
		v := keyView{ID: k.ID, Name: k.Name, Hint: k.Hint, Scopes: k.Scopes, Revoked: !k.RevokedAt.IsZero()}
		if k.Replacing {
			v.Replaces = k.Replaces
		}
		body.List = append(body.List, v)
	}
	if body.BaseURL, err = s.scimBaseURL(r, v); err != nil {
		s.fail(w, r, err)
		return
	}
	body.CanCreate = body.BaseURL != ""
	s.render(w, r, status, "keys", v, page{Title: "API keys", Tab: "keys", Problem: problem, Body: body})
}

// keyRows finds the rotations under way: both keys are in force.
func (s *Server) keyRows(keys []store.APIKey) []keyRow {
	rows := make([]keyRow, len(keys))
	inForce := map[string]*keyRow{}
	for i, k := range keys {
		rows[i].APIKey = k
		if k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || k.ExpiresAt.After(s.Now())) {
			inForce[k.ID] = &rows[i]
		}
	}
	for _, k := range inForce {
		if old := inForce[k.Replaces]; old != nil {
			k.Replacing, old.Replaced = true, true
		}
	}
	return rows
}

// scimBaseURL is empty while provisioning is off.
func (s *Server) scimBaseURL(r *http.Request, v visitor) (string, error) {
	dirs, err := s.Store.Directories(r.Context(), v.org.ID)
	if err != nil {
		return "", err
	}
	for _, d := range dirs {
		if d.Enabled {
			return s.Tenants.SCIMBaseURL(v.org.ID), nil
		}
	}
	return "", nil
}

// createKey shows the new key once, on the page that answers the form.
func (s *Server) createKey(w http.ResponseWriter, r *http.Request, v visitor) {
	name := r.FormValue("name")
	key, _, err := s.Tenants.CreateAPIKey(r.Context(), v.actor, v.org.ID, tenant.NewAPIKey{Name: name})
	var invalid *tenant.ValidationError
	switch {
	case err == nil:
		s.showKeys(w, r, v, http.StatusOK, keysPage{NewKey: key.Reveal()}, "")
	case wantsJSON(r):
		s.fail(w, r, err)
	case errors.As(err, &invalid):
		s.showKeys(w, r, v, http.StatusUnprocessableEntity, keysPage{Name: name, Errors: byField(invalid.Findings)}, "")
	case statusOf(err) == http.StatusConflict:
		s.showKeys(w, r, v, http.StatusConflict, keysPage{Name: name}, messageOf(err))
	default:
		s.fail(w, r, err)
	}
}

// changeKey revokes a key, begins its rotation, or ends one.
func (s *Server) changeKey(w http.ResponseWriter, r *http.Request, v visitor) {
	ctx, org, id, confirm := r.Context(), v.org.ID, r.PathValue("key"), r.FormValue("confirm") != ""
	key, err := s.Store.APIKey(ctx, org, id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var done map[string]any
	switch r.PathValue("change") {
	case "revoke":
		_, err = s.Tenants.RevokeAPIKey(ctx, v.actor, org, id, key.Version, confirm)
		done = map[string]any{"revoked": id}
	case "replace":
		var secret tenant.Secret
		if secret, _, err = s.Tenants.StartKeyRotation(ctx, v.actor, org, id, key.Version); err == nil {
			s.showKeys(w, r, v, http.StatusOK, keysPage{NewKey: secret.Reveal()}, "")
			return
		}
	case "complete":
		_, err = s.Tenants.CompleteKeyRotation(ctx, v.actor, org, id, key.Version, confirm)
		done = map[string]any{"revoked": key.Replaces}
	case "cancel":
		_, err = s.Tenants.CancelKeyRotation(ctx, v.actor, org, id, key.Version)
		done = map[string]any{"revoked": id}
	default:
		s.notFound(w, r)
		return
	}
	switch {
	case err == nil:
		s.done(w, r, "/org/"+org+"/keys", done)
	case tenant.CodeOf(err) == tenant.ErrorCodeConfirmationRequired && !wantsJSON(r):
		s.showKeys(w, r, v, http.StatusConflict, keysPage{Confirm: id}, messageOf(err))
	case statusOf(err) == http.StatusConflict && !wantsJSON(r):
		s.showKeys(w, r, v, http.StatusConflict, keysPage{}, messageOf(err))
	default:
		s.fail(w, r, err)
	}
}

// byField sorts findings to their inputs.
func byField(findings []tenant.Finding) map[string][]tenant.Finding {
	out := map[string][]tenant.Finding{}
	for _, f := range findings {
		out[f.Field] = append(out[f.Field], f)
	}
	return out
}

func messageOf(err error) string {
	var refusal *tenant.Error
	if errors.As(err, &refusal) {
		return refusal.Message
	}
	return "That is not possible now."
}
