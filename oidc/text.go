package oidc

import "net/http"

// refusalText is what a person reads: what happened, and who can help.
type refusalText struct{ title, message, help string }

const (
	helpAgain = "Start again. If it happens again, tell your administrator the reference below."
	helpAdmin = "Your organisation's administrator can help. Tell them the code and the reference below."
	helpLater = "Try again in a few minutes. If it lasts, tell your administrator the reference below."
	helpSetup = "This is no mistake of yours. Your organisation's administrator has to correct the sign-in settings: tell them the code. The reference is for the people who run this application."
)

// texts are the sentences for the codes that deserve their own; textOf has one for each status beside them.
var texts = map[string]refusalText{
	CodeFlowMissing:         {"This sign-in can't be continued", "The answer does not belong to a sign-in that was started in this browser.", helpAgain},
	CodeFlowExpired:         {"This sign-in took too long", "A sign-in has to be finished within ten minutes.", helpAgain},
	CodeFlowUsed:            {"This sign-in is finished already", "The page was loaded twice. You may be signed in already.", helpAgain},
	CodeOtherRegion:         {"This sign-in belongs to another region", "It was started where another region of this application runs, and can't be finished here.", "Start again there."},
	CodeNoConnection:        {"No sign-in for this address", "There is no OpenID Connect sign-in for this address. Check the spelling, or sign in the way you usually do.", helpAdmin},
	CodeIssuerUnknown:       {"Unknown sign-in provider", "The page that sent you here named a provider that is not set up.", helpAdmin},
	CodeConnectionOff:       {"Sign-in is switched off", "Your organisation's sign-in is not active.", helpAdmin},
	CodePlanRequired:        {"Sign-in is not available", "This application's plan of your organisation does not include this sign-in, or not for people who sign in for the first time.", helpAdmin},
	CodePlanUnknown:         {"Sign-in is not available just now", "What your organisation's plan includes could not be found out.", helpLater},
	CodeProviderDenied:      {"Your organisation did not let you in", "The sign-in was cancelled, or you have not been given access to this application.", helpAdmin},
	CodeUserNotAssigned:     {"You have not been given access", "Your organisation has not assigned you to this application.", "Ask your organisation's administrator to assign you. Tell them the code and the reference below."},
	CodeConsentMissing:      {"Your organisation has not agreed yet", "An administrator has to grant this application consent at your organisation's sign-in.", helpSetup},
	CodeInteractionRequired: {"You are not signed in at your organisation", "The sign-in was to happen without a page, and your organisation's sign-in wants to show you one.", "Sign in again."},
	CodeCodeRejected:        {"The sign-in was not accepted", "Your organisation's sign-in took back what it had just sent. That happens when a page is loaded twice.", helpAgain},
	CodeAuthenticationOld:   {"Please confirm that it is you", "This needs a sign-in that was made just now, and your organisation's sign-in reported an older one or did not tell when it was.", "Sign in again. If it happens again, tell your administrator the code and the reference below."},
	CodeTokenEncrypted:      {"Sign-in is not set up correctly", "Your organisation's provider encrypts what it sends, which is not supported here.", helpSetup},
	CodeUserinfoEncrypted:   {"Sign-in is not set up correctly", "Your organisation's provider encrypts what it sends, which is not supported here.", helpSetup},
	CodeUserinfoInvalid:     {"The sign-in could not be verified", "What your organisation's sign-in sent about you was refused.", helpSetup},
	CodeIssuerMixUp:         {"This sign-in can't be continued", "The answer came from another provider than the one that you were sent to.", helpAgain},
	CodeFlowMismatch:        {"This sign-in can't be continued", "The answer arrived at an address that does not belong to this sign-in, or the settings were changed meanwhile.", helpAgain},
	CodeHostRefused:         {"You can't sign in", "This application refused the sign-in.", helpAdmin},
	CodeAuthUnsupported:     {"Sign-in is not set up correctly", "The way in which this application proves itself to your organisation's provider is not supported.", helpSetup},
	CodeSecretUnreadable:    {"Sign-in is not set up correctly", "The client secret for your organisation's provider can't be used.", helpSetup},
	CodeSecretExpired:       {"Sign-in is not set up correctly", "The secret with which this application proves itself to your organisation's provider has expired.", helpSetup},
	CodeEmailMissing:        {"No e-mail address", "Your organisation's sign-in did not send a usable e-mail address.", helpSetup},
	CodeGuestUser:           {"Guests can't sign in", "You are a guest in your organisation's directory, and its sign-in did not send your e-mail address.", helpAdmin},
	CodeEmailUnverified:     {"E-mail address not verified", "Your organisation's sign-in does not state that your e-mail address is verified.", helpSetup},
	CodeEmailDomain:         {"E-mail address not allowed", "Your e-mail address is not in one of your organisation's domains.", helpAdmin},
	CodeAccountDisabled:     {"Account closed", "Your account was closed by this application.", "The people who run this application can help. Tell them the code and the reference below."},
	CodeHostedDomain:        {"Account not allowed", "This Google account does not belong to your organisation.", helpAdmin},
	CodeUserInactive:        {"Account deactivated", "Your account was deactivated by your organisation.", helpAdmin},
	CodeNotProvisioned:      {"No account yet", "You don't have an account here. Ask your administrator to assign you to this application.", helpAdmin},
	CodeOtherTenant:         {"Account of another organisation", "This account can't be used with your organisation's sign-in.", helpAdmin},
	CodeAlreadyLinked:       {"Account already linked", "The account with this e-mail address is linked with another identity.", helpAdmin},
	CodeAccountConflict:     {"Two accounts fit", "Your e-mail address belongs to another account than the one that your organisation's directory made for you.", helpAdmin},
	CodeAddressTaken:        {"E-mail address in use", "Your e-mail address is in use by an account that nobody can tell to be yours.", helpAdmin},
	CodeTokenInvalid:        {"The sign-in could not be verified", "What your organisation's sign-in sent was refused.", helpSetup},
	CodeTestRefused:         {"The test sign-in does not count", "The settings were changed while the test was under way, or your e-mail address is in none of the connection's domains.", "Check the domains and the address with which you signed in, then test again."},
	CodeProviderDown:        {"Your organisation's sign-in does not answer", "The provider could not be reached or did not answer as it should.", helpLater},
	CodeProviderConfig:      {"Sign-in is not set up correctly", "Your organisation's provider or its settings do not fit.", helpSetup},
	CodeClientRejected:      {"Sign-in is not set up correctly", "Your organisation's provider refused this application. Its client secret may have expired.", helpSetup},
}

func textOf(code string, status int) refusalText {
	if t, ok := texts[code]; ok {
		return t
	}
	switch status {
	case http.StatusBadRequest:
		return refusalText{"This sign-in can't be continued", "The request does not fit a sign-in that is under way.", helpAgain}
	case http.StatusForbidden:
		return refusalText{"You can't sign in", "The sign-in was refused.", helpAdmin}
	default:
		return refusalText{"Sign-in is not available", "Something went wrong on the way.", helpLater}
	}
}
