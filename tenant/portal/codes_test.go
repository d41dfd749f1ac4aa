package portal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/tenant"
)

var codeConstant = regexp.MustCompile(`^(Error)?Code[A-Z]`)

// codesOf are the codes of a package: its constants called Code… and ErrorCode….
func codesOf(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	var codes []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range tree.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				spec := s.(*ast.ValueSpec)
				for i, name := range spec.Names {
					if !codeConstant.MatchString(name.Name) || i >= len(spec.Values) {
						continue
					}
					if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						code, err := strconv.Unquote(lit.Value)
						require.NoError(t, err)
						codes = append(codes, code)
					}
				}
			}
		}
	}
	return codes
}

// TestEveryCodeHasGerman: findings and refusals are told by their codes, so that a page in German has no sentence in English.
// Whoever adds a code adds its words.
func TestEveryCodeHasGerman(t *testing.T) {
	texts, err := builtinTexts()
	require.NoError(t, err)
	german := texts["de"]
	var missing []string
	seen := 0
	for _, dir := range []string{"..", "../../oidc", "../../provisioning"} {
		for _, code := range codesOf(t, dir) {
			if seen++; german[findingText(code)] == "" {
				missing = append(missing, dir+" "+code)
			}
		}
	}
	require.Empty(t, missing, "codes without words in texts/de.json, under \"code:\" and the code")
	require.Greater(t, seen, 150)
	for _, m := range []tenant.Mode{
		tenant.ModePlanLapsed, tenant.ModePlanUnknown, tenant.ModeTenantSuspended, tenant.ModeConnectionSuspended, tenant.ModeProvisioningPaused, tenant.ModeSecretExpired,
		tenant.ModeSecretUnreadable, tenant.ModeDNSDrift, tenant.ModeProviderDown, tenant.ModeStoreReadOnly,
	} {
		require.NotEmpty(t, german[findingText("mode."+string(m))], m)
	}
}

// TestEveryGuideHasGerman: so have the steps in the providers' consoles, with the same placeholders.
func TestEveryGuideHasGerman(t *testing.T) {
	texts, err := builtinTexts()
	require.NoError(t, err)
	german, used := texts["de"], map[string]bool{}
	var missing []string
	placeholder := regexp.MustCompile(`\{[a-z_-]+\}`)
	for _, g := range tenant.Guides() {
		g.Translate(func(id, text string) string {
			used[guideText(id)] = true
			if german[guideText(id)] == "" {
				missing = append(missing, id+": "+text)
			}
			require.ElementsMatch(t, placeholder.FindAllString(text, -1), placeholder.FindAllString(german[guideText(id)], -1), id)
			return ""
		})
	}
	require.Empty(t, missing, "texts of guides without words in texts/de.json, under \"guide:\" and the ID")
	for key := range german {
		if strings.HasPrefix(key, "guide:") {
			require.True(t, used[key], "the German text of %q is used nowhere", key)
		}
	}
}

// TestFindingInOtherWords: a finding has the words for its code and field, for what is in order, or for the code alone.
func TestFindingInOtherWords(t *testing.T) {
	p := &printer{language: "de", texts: map[string]string{
		"code:a": "A {got}", "code:a/ok": "A gut", "code:a@f": "A in f", "code:mode.dns_drift": "weg",
	}}
	require.Equal(t, "A x", p.finding(tenant.Finding{Code: "a", Got: "x", Message: "m"}))
	require.Equal(t, "A in f", p.finding(tenant.Finding{Code: "a", Field: "f", Message: "m"}))
	require.Equal(t, "A gut", p.finding(tenant.Finding{Code: "a", Severity: tenant.SeverityOK}))
	require.Equal(t, "m", p.finding(tenant.Finding{Code: "b", Message: "m"}))
	require.Empty(t, p.value("an address such as a@b.c"))
	require.Equal(t, "acme.com", p.value("acme.com"))
	drift := tenant.Condition{Mode: tenant.ModeDNSDrift, Message: "gone", Action: "restore it"}
	require.Equal(t, "weg", p.condition(drift))
	require.Equal(t, "weg", p.banner(tenant.Health{Conditions: []tenant.Condition{drift}, Banner: "gone"}))
	require.Equal(t, "other", p.banner(tenant.Health{Conditions: []tenant.Condition{drift}, Banner: "other"}))
	e := &printer{language: "en", texts: map[string]string{}}
	require.Equal(t, "gone restore it", e.condition(drift))
	require.Equal(t, "an address such as a@b.c", e.value("an address such as a@b.c"))
}

// TestRefusedInGerman: what is wrong with a form is said in German, field by field.
func TestRefusedInGerman(t *testing.T) {
	w := newWorld(t)
	c := w.draft(t)
	b := w.as(t, "owner")
	b.header.Set("Accept-Language", "de")
	page := at("/c/" + c.ID + "/details")
	a := clean(t, b.post(page, "version", versionIn(t, b.get(page)), "domains", "acme, it@globex.com", "authority", "https://acme-admin.okta.com", "client_id", "a b", "client_secret", testSecret, "break_glass", "x@evil.example", "additional_scopes", `"`))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	for _, want := range []string{"Das ist keine Domain.", "Das ist eine E-Mail-Adresse.", "Das ist die Adresse der Verwaltung von Okta.", "Die Client-ID hat ein Leerzeichen", "Das ist kein Scope."} {
		require.Contains(t, a.body, want)
	}
	for _, english := range []string{" is not ", " must ", "Give ", "Use the"} {
		require.NotContains(t, a.body, english)
	}
	require.Contains(t, b.post(at("/c/"+c.ID+"/do/submit"), "version", "999").body, "Jemand anderes hat das inzwischen geändert.")
}
