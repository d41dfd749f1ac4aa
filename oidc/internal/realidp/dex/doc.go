// Package dex pins the version of dex that the tests in the folder above build and run.
package dex
