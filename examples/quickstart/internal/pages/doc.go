// Package pages is what people see of the quick start's product: sign-in, the SSO
// pages of an organisation's owner, and the review pages of the product's staff. They
// are plain on purpose, and do everything through the same Go API that a host's own
// pages would use.
package pages
