package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The deployment files set nothing that `aurora serve` does not know.
func TestDeploymentFilesNameFlags(t *testing.T) {
	serve, _, err := root().Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`\bAURORA_[A-Z_]+\b`)
	found := 0
	err = filepath.WalkDir(filepath.Join("..", "..", "deploy"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range variable.FindAllString(string(text), -1) {
			found++
			flag := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, "AURORA_"), "_", "-"))
			if flag != "key" && serve.Flags().Lookup(flag) == nil { // AURORA_KEY has no flag: it is a secret
				t.Errorf("%s sets %s, and aurora serve has no flag --%s", path, name, flag)
			}
		}
		return err
	})
	if err != nil || found == 0 {
		t.Errorf("%d variables, %v", found, err)
	}
}
