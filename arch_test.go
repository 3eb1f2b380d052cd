package aurora_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/aurora-push/aurora"

// rule is what a package may import of ours, and why not the rest.
type rule struct {
	pkg     string
	imports []string
	why     string
}

// may is the table of imports: they point only downwards (docs/architecture.md).
var may = []rule{
	{".", nil, "the vocabulary imports the standard library only, so that everyone can speak it"},
	{"audience", nil, "the meaning of an audience depends on nothing else"},
	{"apns", nil, "a library of its own, usable by anyone"},
	{"device", nil, "an SDK that apps embed brings nothing of the server"},
	{"client", nil, "an SDK that servers embed brings nothing of the server"},
	{"bus", nil, "carries hints and knows nothing about them"},
	{"sdk/ios", nil, "the iOS SDK's files, to hand out; its tests start aurora as a program and know nothing of its inside"},
	{"store/storetest", nil, "a PostgreSQL for tests, which knows nothing of what is kept in it"},
	{"server/servertest", nil, "paths that are cut and NATS servers that are killed, for tests: it knows nothing of what goes over them"},
	{"docs", nil, "pages that a running server shows itself, as they stand in the repository"},
	{"simulator/apns", nil, "an independent reading of Apple's rules: sharing code with apns would hide its mistakes"},
	{"simulator/iphone", []string{"device"}, "a phone talks to APNs and Aurora over the wire only; its sample app uses the SDK as any app does"},

	{"account", []string{".", "audience"}, "services know the vocabulary and what they declare, not each other, SQL or HTTP"},
	{"registry", []string{".", "audience"}, "services know the vocabulary and what they declare, not each other, SQL or HTTP"},
	{"dispatch", []string{".", "audience"}, "services know the vocabulary and what they declare, not each other, SQL or HTTP"},
	{"ledger", []string{".", "audience"}, "services know the vocabulary and what they declare, not each other, SQL or HTTP"},

	{"inbox", []string{".", "audience"}, "services know the vocabulary and what they declare, not each other, SQL or HTTP"},

	{"webhook", []string{"."}, "tells what happened; how it happened is the other services' business, and their records come through the store"},

	{"mail", []string{"."}, "writes to people; whom and why is told by the store and the console"},

	{"channel", []string{".", "apns"}, "turns messages into a vendor's notifications; who gets them is not its business"},
	{"store", []string{".", "audience", "account", "registry", "dispatch", "ledger", "inbox", "webhook", "mail"}, "satisfies the stores that services declare, so it sees their records; no service sees it"},

	{"api", []string{".", "docs", "audience", "account", "registry", "dispatch", "ledger", "webhook"}, "decodes and answers; rules are the services', storage is unseen"},
	{"console", []string{".", "audience", "account", "registry", "dispatch", "ledger", "webhook", "mail"}, "shows and asks; rules are the services', storage is unseen"},
	{"server", []string{".", "sdk/ios", "audience", "account", "registry", "dispatch", "ledger", "inbox", "webhook", "mail", "api", "console", "store", "bus", "channel"}, "the only place where concrete parts meet; the simulators are not among them: production code must not need them"},
	{"cmd/aurora", []string{".", "audience", "server", "account", "registry", "webhook", "mail", "client", "apns", "simulator/apns", "simulator/iphone"}, "flags and signals; it speaks the vocabulary and calls the services that server opened, never storage or HTTP handlers"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportsPointDownwards(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range list(t) {
		name := path.Clean("." + strings.TrimPrefix(p.ImportPath, module))
		i := slices.IndexFunc(may, func(r rule) bool { return r.pkg == name })
		if i < 0 {
			t.Errorf("package %s is not in the table of imports; add it with its reason", name)
			continue
		}
		seen[name] = true
		for _, imp := range p.Imports {
			rest, ours := strings.CutPrefix(imp, module)
			if !ours {
				if name == "." && strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
					t.Errorf("the root package imports %s: %s", imp, may[i].why)
				}
				continue
			}
			if to := path.Clean("." + rest); !slices.Contains(may[i].imports, to) {
				t.Errorf("%s imports %s: %s", name, to, may[i].why)
			}
		}
	}
	for _, m := range may {
		if !seen[m.pkg] {
			t.Errorf("the table names package %s, which does not exist", m.pkg)
		}
	}
}

// list asks the go command for all packages and their imports, tests apart.
func list(t *testing.T) (packages []listed) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
