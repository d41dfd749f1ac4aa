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
	Keys      []store.APIKey              `json:"-"`
	List      []keyView                   `json:"keys"`
	CanCreate bool                        `json:"can_create"`
	NewKey    string                      `json:"new_key,omitempty"`
	Name      string                      `json:"-"`
	Confirm   string                      `json:"-"`
	Errors    map[string][]tenant.Finding `json:"-"`
}

// keyView is a key without its hash.
type keyView struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Hint    string   `json:"hint"`
	Scopes  []string `json:"scopes"`
	Revoked bool     `json:"revoked"`
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
	body.Keys, body.List = keys, []keyView{}
	for _, k := range keys {
		body.List = append(body.List, keyView{ID: k.ID, Name: k.Name, Hint: k.Hint, Scopes: k.Scopes, Revoked: !k.RevokedAt.IsZero()})
	}
	if body.BaseURL, err = s.scimBaseURL(r, v); err != nil {
		s.fail(w, r, err)
		return
	}
	body.CanCreate = body.BaseURL != ""
	s.render(w, r, status, "keys", v, page{Title: "API keys", Tab: "keys", Problem: problem, Body: body})
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

func (s *Server) revokeKey(w http.ResponseWriter, r *http.Request, v visitor) {
	id := r.PathValue("key")
	key, err := s.Store.APIKey(r.Context(), v.org.ID, id)
	if err == nil {
		_, err = s.Tenants.RevokeAPIKey(r.Context(), v.actor, v.org.ID, id, key.Version, r.FormValue("confirm") != "")
	}
	switch {
	case err == nil:
		s.done(w, r, "/org/"+v.org.ID+"/keys", map[string]any{"revoked": id})
	case tenant.CodeOf(err) == tenant.ErrorCodeConfirmationRequired && !wantsJSON(r):
		s.showKeys(w, r, v, http.StatusConflict, keysPage{Confirm: id}, messageOf(err))
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
