//go:build !unix

package apns

// lockFile does nothing where the system has no advisory locks: there, the
// fixed port of a running server is what keeps a second one away.
func lockFile(string, bool) (unlock func(), err error) { return func() {}, nil }
