//go:build !unix

package server

import "os"

// lockFile only opens the file: this system has no advisory locks in Go's
// standard library, so the operator must not start two servers on one folder.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
