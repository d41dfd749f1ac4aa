// Package browser walks through the quick start with a real browser: Chromium,
// without a window. Its tests are a module of their own, so that no example needs a
// browser's driver.
package browser
