package tenant

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func TestR56FieldPolicies(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.SCIMFields = []string{"displayName", "title"} })
	title := store.FieldPreference{Field: "title", UserEditable: true, MustConfirm: true}
	draft := acme()
	draft.SCIM.Fields = []store.FieldPreference{title}
	c := w.approved(t, "t1", draft)
	dirs, err := w.Directories(t.Context(), owner, "t1")
	require.NoError(t, err)
	require.Equal(t, []FieldPolicy{
		{Field: FieldPhone, UserEditable: true, MustConfirm: true},
		{Field: "title", UserEditable: true, MustConfirm: true},
	}, FieldPolicies(dirs[0].Preferences), "what the request chose holds after the approval")

	dir, err := w.SetSCIMPreferences(t.Context(), owner, "t1", dirs[0].ID, dirs[0].Version, store.SCIMPreferences{
		Fields: []store.FieldPreference{{Field: "displayName", UserEditable: true}},
	})
	require.NoError(t, err)
	require.Equal(t, []FieldPolicy{{Field: FieldPhone, MustConfirm: true}, {Field: "displayName", UserEditable: true}}, FieldPolicies(dir.Preferences))
	again, err := w.EnableSCIM(t.Context(), owner, "t1", c.ID, dir.Preferences)
	require.NoError(t, err)
	require.Equal(t, dir.Version, again.Version, "the same choices are no change")

	require.Equal(t, []FieldPolicy{{Field: FieldPhone, MustConfirm: true}}, FieldPolicies(store.SCIMPreferences{
		Fields: []store.FieldPreference{{Field: FieldPhone, UserEditable: true}},
	}), "the phone's choices are where they always were")
}

func TestR56FieldsThatTheHostDoesNotManage(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.SCIMFields = []string{"title"} })
	c := w.approved(t, "t1", acme())
	dirs, err := w.Directories(t.Context(), owner, "t1")
	require.NoError(t, err)
	for name, fields := range map[string][]store.FieldPreference{
		"a field that nobody declared": {{Field: "userName", UserEditable: true}},
		"no name":                      {{}},
		"twice":                        {{Field: "title"}, {Field: "title", UserEditable: true}},
		"more than there are":          make([]store.FieldPreference, 10000),
	} {
		t.Run(name, func(t *testing.T) {
			p := store.SCIMPreferences{Fields: fields}
			w.refusedWith(t, "t1", CodeFieldUnknown, func() error {
				_, err := w.SetSCIMPreferences(t.Context(), owner, "t1", dirs[0].ID, dirs[0].Version, p)
				return err
			})
			w.refusedWith(t, "t1", CodeFieldUnknown, func() error {
				_, err := w.EnableSCIM(t.Context(), owner, "t1", c.ID, p)
				return err
			})
			w.refusedWith(t, "t1", CodeFieldUnknown, func() error {
				d := acme()
				d.SCIM = p
				_, _, err := w.CreateDraft(t.Context(), owner, "t1", d)
				return err
			})
		})
	}
}
