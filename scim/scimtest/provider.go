package scimtest

// Provider names an identity provider whose client is played.
type Provider string

// The providers.
const (
	// Entra is Microsoft Entra ID as it is by default: operations are called "Add", "Replace" and "Remove", booleans
	// are strings, and members are removed by a list of values.
	Entra Provider = "entra"
	// EntraFlagged is Entra whose tenant URL carries the flag aadOptscim062020: operations without path, with dotted
	// and URN keys, and members removed by a path with a filter.
	EntraFlagged Provider = "entra-aadOptscim062020"
	// Okta looks up before it creates, updates by PUT and by PATCH, imports in pages, and pushes groups.
	Okta Provider = "okta"
	// OneLogin may name the schema of SCIM 1.
	OneLogin Provider = "onelogin"
	// JumpCloud makes and removes a test user and a test group at activation.
	JumpCloud Provider = "jumpcloud"
	// Google is Google Workspace: users only.
	Google Provider = "google"
	// Ping is PingFederate and PingOne: users by PUT alone, groups found by reading all of them.
	Ping Provider = "ping"
)

// Providers lists them all.
func Providers() []Provider {
	return []Provider{Entra, EntraFlagged, Okta, OneLogin, JumpCloud, Google, Ping}
}

// play runs the provider's script.
func (p Provider) play(s *script) {
	switch p {
	case Entra:
		playEntra(s, entraClassic{})
	case EntraFlagged:
		playEntra(s, entraFlagged{})
	case Okta:
		playOkta(s)
	case OneLogin:
		playOneLogin(s)
	case JumpCloud:
		playJumpCloud(s)
	case Google:
		playGoogle(s)
	case Ping:
		playPing(s)
	}
}

// agent is the User-Agent. Entra may send none, so none may be needed.
func (p Provider) agent() string {
	if p == Entra || p == EntraFlagged {
		return ""
	}
	return "scimtest (" + string(p) + ")"
}
