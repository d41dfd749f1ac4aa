// Package tenant keeps a customer organisation and its set-up: the request for an
// OpenID Connect connection and its review, domains and their proof, break-glass
// addresses, client secrets, SCIM directories and API keys.
package tenant
