// Package hydra pins the version of Ory Hydra that the tests in the folder above build and run.
package hydra
