package oidc

import (
	"context"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// noteSignIn keeps what the provider's answer to a genuine sign-in shows about the connection: one whose state, cookie
// and one-time use were checked. err is how the sign-in went so far; m is nil if it did not come to asking the provider.
func (h *Handler) noteSignIn(ctx context.Context, c store.Connection, m *metadata, a attempt, err error) {
	if c.State != store.ConnectionActive {
		return // an owner is setting it up and sees for himself
	}
	if err == nil && c.FailingSince.IsZero() && (m == nil || m.isKnown(c.Metadata)) {
		return // as at nearly every sign-in
	}
	h.noteNews(ctx, c, m, a, err)
}

func (h *Handler) noteNews(ctx context.Context, c store.Connection, m *metadata, a attempt, err error) {
	h.note(ctx, c, func(c *store.Connection, now time.Time) []news {
		var all []news
		switch {
		case err == nil:
			all = recovered(c)
		case clientRefused(err) && a.Test == nil: // a test tries what is not configured, too
			all = failing(c, CodeOf(err), now)
		}
		if m != nil {
			all = append(all, noteDocument(c, m, err == nil, now)...)
		}
		return all
	})
}

// failing marks a connection whose provider refuses the application itself (R43): nobody can sign in until somebody
// does something about it.
func failing(c *store.Connection, code string, now time.Time) []news {
	if !c.FailingSince.IsZero() {
		return nil
	}
	c.FailingSince, c.FailingCode = now, code
	message := "The provider refuses the application: nobody can sign in. Check the client ID, and replace the client secret."
	if code == CodeSecretExpired {
		message = "The client secret has expired: nobody can sign in. Make a new one at the provider, and replace it here."
	}
	return []news{{event: EventConnectionFailing, code: code, message: message}}
}

// recovered clears the mark at the first sign-in that the provider took the application for.
func recovered(c *store.Connection) []news {
	if c.FailingSince.IsZero() {
		return nil
	}
	code := c.FailingCode
	c.FailingSince, c.FailingCode = time.Time{}, ""
	return []news{{event: EventConnectionRecovered, code: code, message: "The provider accepts the application again."}}
}
