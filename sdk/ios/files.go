// Package ios carries the iOS SDK's sample app, so that a running server can
// hand it out with an app's own configuration. The SDK itself is Objective-C.
package ios

import "embed"

// Files are the package as Xcode takes it, with the sample app in Sample.
//
//go:embed Package.swift LICENSE README.md Sample Sources
var Files embed.FS
