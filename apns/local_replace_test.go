package apns_test

import (
	"testing"
	"time"

	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// A certificate is replaced while pushes are under way: none is lost or sent
// twice, and what comes after goes over connections that show the new one.
func TestCertificateIsReplacedWithoutLoss(t *testing.T) {
	in{certificate: &localapns.IssueRequest{}}.inMemory(t, func(t *testing.T, l *local) {
		l.fault(localapns.Fault{Delay: localapns.Duration(time.Second), Count: 50}) // answers that come after the change
		l.submit(0, 50)
		l.wait(100 * time.Millisecond)
		before := l.server.Connections()
		if err := l.client.SetCertificate(l.certificate(localapns.IssueRequest{})); err != nil {
			t.Fatal(err)
		}
		l.submit(50, 100)
		l.accepted(0, 100)
		old := map[uint64]bool{}
		for _, c := range before {
			old[c.ID] = true
		}
		fresh := 0
		for _, c := range l.server.Connections() {
			if !old[c.ID] {
				fresh++
			}
		}
		if fresh == 0 {
			t.Errorf("no new connection: %+v", l.server.Connections())
		}
		l.counts(map[string]uint64{"received": 101})
	})
}
