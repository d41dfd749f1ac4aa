package portal

import (
	_ "embed"
	"strings"
)

//go:embed texts/list.txt
var textList string

// Texts returns all English texts of the pages in alphabetical order: the keys of Config.Texts. Beside them "code:" with a code
// translates findings and refusals of packages tenant and oidc, with {expected}, {got} and {suggestion} in it, and
// "guide:" with an ID the texts of a tenant.Guide.
func Texts() []string { return strings.Split(strings.TrimSuffix(textList, "\n"), "\n") }
