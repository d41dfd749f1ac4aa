// Package scimbench holds the benchmarks of a SCIM handler, so that they can be
// run on any store: on memory beside the code, on SQL where the drivers are. It
// speaks HTTP alone, without a network in between.
package scimbench
