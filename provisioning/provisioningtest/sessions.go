package provisioningtest

import "context"

func signsIn(h Host) bool { return h.SignIn != nil }

// signedIn wants a session to live, or to have ended.
func (p *probe) signedIn(is func(context.Context) (bool, error), want bool, did string) {
	p.Helper()
	got, err := is(p.ctx)
	p.ok(err, "%s, and look at the session", did)
	say := map[bool]string{true: "signed in", false: "not signed in"}
	p.that(got == want, say[want], say[got], "%s", did)
}
