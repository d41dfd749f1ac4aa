// Package browser walks through the quick start with a real browser: Chromium, without a window. Its tests are a module of
// their own, so that no example needs a browser's driver.
//
// At each stop a walk looks at the page: axe-core must find nothing against WCAG 2.2 AA, in the light and in the dark look, on
// a wide and on a narrow screen, and no page may scroll sideways. The pictures that it takes, and a line for each look,
// go to the folder that SCREENSHOTS names:
//
//	SCREENSHOTS=/tmp/screens go test -C examples/browser ./...
package browser
