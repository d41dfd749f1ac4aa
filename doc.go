// Package tenantgate gives a Go application what its enterprise customers ask for.
package tenantgate
