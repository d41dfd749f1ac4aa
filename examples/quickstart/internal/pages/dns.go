package pages

import (
	"net/http"
	"strings"
)

// dnsPage stands for the console of a DNS provider: whoever proves a domain publishes a record there.
type dnsPage struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (s *Server) dns(w http.ResponseWriter, r *http.Request) {
	p := page{Title: "DNS", Body: dnsPage{}}
	if r.URL.Query().Has("published") {
		p.Notice = "Published. Everybody who asks finds it at once."
	}
	s.renderFor(w, r, http.StatusOK, "dns", p)
}

// publish adds a TXT record.
func (s *Server) publish(w http.ResponseWriter, r *http.Request) {
	record := dnsPage{Name: strings.TrimSpace(r.FormValue("name")), Value: strings.TrimSpace(r.FormValue("value"))}
	problem := ""
	switch {
	case record.Name == "" || record.Value == "":
		problem = "A record needs a name and a value."
	default:
		if err := s.Publish(record.Name, record.Value); err != nil {
			problem = "This is no name for a record: copy it from the page of your domains."
		}
	}
	switch {
	case problem == "":
		s.done(w, r, "/dns?published", record)
	case wantsJSON(r):
		s.problem(w, r, http.StatusUnprocessableEntity, "record_invalid", problem, nil)
	default:
		s.renderFor(w, r, http.StatusUnprocessableEntity, "dns", page{Title: "DNS", Problem: problem, Body: record})
	}
}

// renderFor is render for a page that needs no sign-in.
func (s *Server) renderFor(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	_, u, _, err := s.DB.Session(r, s.Now())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, status, name, visitor{user: u}, p)
}
