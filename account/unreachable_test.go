package account_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// TestAPNsOutOfReach: a credential that could not be tried is not stored, and
// the sentence says where nobody answered.
func TestAPNsOutOfReach(t *testing.T) {
	a := startAPNs(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	nobody := "https://" + l.Addr().String()
	check(t, l.Close())
	plain, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and hangs up without a word
	check(t, err)
	defer plain.Close()
	go func() {
		for {
			c, err := plain.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	foreign := filepath.Join(t.TempDir(), "other-ca.pem")
	check(t, os.WriteFile(foreign, startAPNs(t).CAPEM(), 0o600))
	ca := filepath.Join(t.TempDir(), "ca.pem")
	check(t, os.WriteFile(ca, a.CAPEM(), 0o600))
	for _, tt := range []struct {
		name, production, sandbox, ca string
		says                          []string
	}{
		{"nobody listens", nobody, nobody, ca, []string{nobody, "not stored", "firewall"}},
		{"only development answers", nobody, a.SandboxURL(), ca, []string{nobody, "production", "not stored"}},
		{"not an APNs", "https://" + plain.Addr().String(), "https://" + plain.Addr().String(), ca, []string{"could not be reached", "not stored"}},
		{"not trusted", a.ProductionURL(), a.SandboxURL(), foreign, []string{"does not trust", "--apns-ca"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, server.Config{Data: t.TempDir(), APNs: tt.production, APNsSandbox: tt.sandbox, APNsCA: tt.ca})
			app := newApp(t, s)
			for _, r := range []localapns.IssueRequest{{}, {Key: true}} {
				start := time.Now()
				_, err := s.Accounts.StoreCredential(t.Context(), app, issue(t, a, r))
				sentence := refused(t, err, aurora.Unavailable)
				for _, part := range tt.says {
					if !strings.Contains(sentence, part) {
						t.Errorf("the sentence does not say %q: %s", part, sentence)
					}
				}
				if took := time.Since(start); took > patience {
					t.Errorf("took %v", took)
				}
				if stored, err := s.Accounts.Credentials(t.Context(), app.ID); err != nil || len(stored) > 0 {
					t.Errorf("stored %+v (%v)", stored, err)
				}
			}
		})
	}
}
