// Package degraded has no code: its tests put a tenant into each degraded mode and make every cell of
// tenant.DegradedModes true, through the handlers of packages oidc and scim and the methods of tenant.Service.
package degraded
