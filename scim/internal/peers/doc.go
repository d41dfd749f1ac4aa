// Package peers lets SCIM software that others wrote speak to the quick start, each as its own users run it: in Python
// the suite scim2-tester, in Java Apache SCIMple's classes. It is a nested module and never published.
//
// Each peer has a folder: the exact versions of all that is installed, the little program that runs it, and known.md,
// the checks that are known to fail with the RFC's words why. A test fails when a check fails that is not in the list,
// when one that is in the list does not fail, or fails otherwise, and when fewer checks ran than the list's floor.
//
// Where Python, Java or Maven is missing the tests skip and say so; with CI=true they fail. What they install is kept in
// the user's cache folder. With PEER_REPORT_DIR set, each test writes there what ran and what is known, for people.
package peers
