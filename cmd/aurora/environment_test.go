package main_test

import (
	"os"
	"path/filepath"
	"testing"
)

// What is set for a server does not lead the demo into the server's folder, or
// a local APNs to its address.
func TestVariablesAreTheServersOwn(t *testing.T) {
	s := newScript(t)
	s.env = append(s.env, "AURORA_DATA=production")
	demo := s.start("demo", "--listen", "127.0.0.1:0")
	demo.says(`(http://\S+)/phone/`)
	demo.stop()
	s.ok(nil, "", "apns", "issue", "--data", "local", "--bundle-id", bundleID, "--p12", "push.p12")
	s.ok(nil, "", "apns", "issue", "--bundle-id", bundleID, "--p12", "push.p12")
	if _, err := os.Stat(filepath.Join(s.dir, "production")); err == nil {
		t.Error("the server's folder was used")
	}
}
