package mail_test

import (
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
	"github.com/aurora-push/aurora/store/storetest"
)

// TestExpiryIsMailedOnce: owners and developers are told of a certificate's end,
// once, though two servers look at the same moment and are started again.
func TestExpiryIsMailedOnce(t *testing.T) {
	database, dir := storetest.NewSchema(t), t.TempDir()
	apns, err := localapns.NewServer(localapns.Config{Dir: dir})
	check(t, err)
	check(t, apns.Start(t.Context()))
	defer apns.Shutdown(t.Context())
	o := openOffice(t, false, "")
	mail := relay(t, "smtp://"+o.address)
	config := server.Config{Database: database, Key: base64.StdEncoding.EncodeToString(make([]byte, 32)), Listen: "127.0.0.1:0", APNs: apns.ProductionURL(), APNsSandbox: apns.SandboxURL(), APNsCA: filepath.Join(dir, "ca.pem"),
		Mail: &mail, MailTLS: o.trust, PublicURL: "https://push.example.com"}
	open := func() *server.Server {
		c := config
		c.Data = t.TempDir()
		s, err := server.Open(t.Context(), c)
		check(t, err)
		return s
	}
	a, b := open(), open()
	owner, _, err := a.Accounts.Create(t.Context(), "mia@example.com", "correct horse battery")
	check(t, err)
	in, err := a.Accounts.SignIn(t.Context(), "mia@example.com", "correct horse battery")
	check(t, err)
	who, err := a.Accounts.Session(t.Context(), in.Session)
	check(t, err)
	for to, role := range map[string]aurora.Role{"dev@example.com": aurora.DeveloperRole, "sender@example.com": aurora.SenderRole} {
		_, link, err := a.Accounts.Invite(t.Context(), who, to, role)
		check(t, err)
		_, err = a.Accounts.JoinNew(t.Context(), link, "correct horse battery")
		check(t, err)
	}
	app, err := a.Accounts.CreateApp(t.Context(), owner.ID, "Reader", "com.example.reader")
	check(t, err)
	issued, err := apns.Issue(localapns.IssueRequest{BundleID: "com.example.reader", Production: true, NotAfter: time.Now().Add(5*24*time.Hour + time.Hour)})
	check(t, err)
	_, err = a.Accounts.StoreCredential(t.Context(), app, aurora.CredentialFile{File: issued.P12})
	check(t, err)
	check(t, a.Start(t.Context()))
	check(t, b.Start(t.Context()))
	o.has(t, 2)
	stop(t, a)
	stop(t, b)
	c := open() // it looks at its start; that mail would come before this one
	check(t, c.Start(t.Context()))
	defer func() { stop(t, c) }()
	check(t, c.Mail.Invite(t.Context(), invitation("last@example.com")))
	told := map[string]int{}
	for _, m := range o.has(t, 3) {
		told[m.to]++
		if m.to != "last@example.com" && (!strings.Contains(m.Header.Get("Subject"), "Reader ends in 5 days") || !strings.Contains(strings.ReplaceAll(m.body, "=\r\n", ""), "https://push.example.com/apps/"+app.Key+"/credential")) {
			t.Errorf("%s\n%s", m.Header.Get("Subject"), m.body)
		}
	}
	if len(told) != 3 || told["mia@example.com"] != 1 || told["dev@example.com"] != 1 {
		t.Errorf("told %v", told)
	}
}
