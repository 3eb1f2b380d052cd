// Package docs holds the pages of the documentation that a running Aurora shows
// itself.
package docs

import _ "embed"

// Errors is the page of the error numbers, in Markdown.
//
//go:embed errors.md
var Errors string
