// Package realtest tries what package tenant sends against what is not ours: followers and webhooks on the SQL stores with
// several replicas, and the signatures of webhooks with the library of Standard Webhooks. It is a module of its own, so that
// drivers and that library stay out of the root module.
package realtest
