package oidc

import (
	"crypto/sha256"
	"encoding/base64"
)

// pageStyle is the only thing that the pages' Content-Security-Policy admits, by its hash.
const pageStyle = `body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f3f4f6;color:#111827}` +
	`main{max-width:28rem;margin:12vh auto 0;padding:2rem;background:#fff;border:1px solid #d1d5db;border-radius:.5rem}` +
	`h1{font-size:1.25rem;margin:0 0 1rem}label{display:block}` +
	`input{width:100%;box-sizing:border-box;font:inherit;padding:.5rem;border:1px solid #6b7280;border-radius:.25rem}` +
	`button{font:inherit;margin-top:1rem;padding:.5rem 1rem;border:0;border-radius:.25rem;background:#1d4ed8;color:#fff}` +
	`a{color:#1d4ed8}.small{font-size:.875rem;color:#4b5563}`

// contentSecurityPolicy has no form-action: browsers apply it to the redirects that follow a form as well, and the
// login form's lead to providers anywhere.
var contentSecurityPolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; frame-ancestors 'none'"
}()
