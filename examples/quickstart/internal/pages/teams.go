package pages

import (
	"net/http"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/provisioning"
)

// teamView is a team as the page shows it.
type teamView struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Source  string   `json:"source"`
	Lock    string   `json:"lock,omitempty"`
	Members []string `json:"members"`
}

// teams lists the product's teams, with a lock on those that a directory's groups manage.
func (s *Server) teams(w http.ResponseWriter, r *http.Request, v visitor) {
	list, err := s.DB.Teams(r.Context(), nil, v.org.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	views, err := s.teamViews(r, v.org.ID, list)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "teams", v, page{Title: "Teams", Tab: "teams", Body: struct {
		Teams []teamView `json:"teams"`
	}{views}})
}

func (s *Server) teamViews(r *http.Request, orgID string, teams []host.Team) ([]teamView, error) {
	users, err := s.DB.Users(r.Context(), nil, orgID)
	if err != nil {
		return nil, err
	}
	emails := map[string]string{}
	for _, u := range users {
		emails[u.ID] = u.Email
	}
	memberships, err := s.DB.Memberships(r.Context(), nil, orgID)
	if err != nil {
		return nil, err
	}
	var out []teamView
	for _, t := range teams {
		view := teamView{ID: t.ID, Name: t.Name, Source: t.Source, Members: []string{}}
		if view.Lock, err = s.lockText(r.Context(), orgID, provisioning.Resource{Kind: provisioning.ResourceTeam, TeamID: t.ID}, "name"); err != nil {
			return nil, err
		}
		for _, m := range memberships {
			if m.TeamID == t.ID {
				view.Members = append(view.Members, emails[m.UserID])
			}
		}
		out = append(out, view)
	}
	return out, nil
}
