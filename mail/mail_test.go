package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/aurora-push/aurora"
	letters "github.com/aurora-push/aurora/mail"
	"github.com/aurora-push/aurora/server"
)

// patience bounds every wait.
const patience = 20 * time.Second

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// office is a mail server on a socket, with a certificate of its own.
type office struct {
	address string
	trust   *tls.Config
	user    string // "" asks nobody who they are
	mu      sync.Mutex
	taken   []taken
	refuse  func(command string) error // nil takes everything
	tried   int
}

type taken struct {
	from, to string
	tls      bool
	*mail.Message
	body string
}

// openOffice starts a mail server; implicit speaks TLS from the first byte.
func openOffice(t *testing.T, implicit bool, user string) *office {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "post"}, DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	cert, err := x509.ParseCertificate(der)
	check(t, err)
	o := &office{user: user, trust: &tls.Config{RootCAs: x509.NewCertPool()}}
	o.trust.RootCAs.AddCert(cert)
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{office: o, conn: c}, nil }))
	s.Domain, s.TLSConfig = "localhost", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.ErrorLog = quiet{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	o.address = "localhost:" + port
	if implicit {
		l = tls.NewListener(l, s.TLSConfig)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return o
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

type session struct {
	*office
	conn     *smtp.Conn
	from, to string
	known    bool
}

func (s *session) ask(command string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried++
	if s.refuse == nil {
		return nil
	}
	return s.refuse(command)
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.user || password != "geheim" {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.user != "" && !s.known {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return s.ask("MAIL")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return s.ask("RCPT")
}

func (s *session) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	if err := s.ask("DATA"); err != nil {
		return err
	}
	_, encrypted := s.conn.TLSConnectionState()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = append(s.taken, taken{s.from, s.to, encrypted, m, string(body)})
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// has waits until a number of mails was taken.
func (o *office) has(t *testing.T, n int) []taken {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		o.mu.Lock()
		list := append([]taken(nil), o.taken...)
		o.mu.Unlock()
		if len(list) >= n {
			return list
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d mails were taken, want %d", len(list), n)
		}
	}
}

// installation is a folder with an account, which servers run on.
type installation struct {
	dir   string
	relay letters.Relay
	trust *tls.Config
}

func (i installation) open(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.Open(t.Context(), server.Config{Data: i.dir, Listen: "127.0.0.1:0", Mail: &i.relay, MailTLS: i.trust, PublicURL: "https://push.example.com"})
	check(t, err)
	return s
}

func stop(t *testing.T, s *server.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	check(t, s.Shutdown(ctx))
}

func relay(t *testing.T, text string) letters.Relay {
	t.Helper()
	r, err := letters.ParseRelay(text, "", "Aurora <push@example.com>")
	check(t, err)
	return r
}

func invitation(to string) letters.Invitation {
	return letters.Invitation{To: to, Account: "mia@example.com", InvitedBy: "Mia\r\nBcc: eve@example.com", Role: aurora.SenderRole, Link: "https://push.example.com/join?link=secret", Until: time.Now().Add(time.Hour)}
}

// TestMailIsTaken: by STARTTLS with a password, by TLS from the first byte, and in the clear
// on this machine.
func TestMailIsTaken(t *testing.T) {
	for _, tt := range []struct {
		url      string
		implicit bool
		user     string
		tls      bool
	}{
		{"smtp://aurora:geheim@", false, "aurora", true},
		{"smtps://aurora:geheim@", true, "aurora", true},
		{"smtp://", false, "", true},
	} {
		o := openOffice(t, tt.implicit, tt.user)
		i := installation{t.TempDir(), relay(t, tt.url+o.address), o.trust}
		s := i.open(t)
		check(t, s.Mail.Test(t.Context(), "mia@example.com"))
		got := o.has(t, 1)[0]
		if got.tls != tt.tls || got.from != "push@example.com" || got.to != "mia@example.com" || !strings.Contains(got.Header.Get("From"), "Aurora") || got.Header.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("%s: %+v", tt.url, got)
		}
		stop(t, s)
	}
	o := openOffice(t, false, "")
	i := installation{t.TempDir(), relay(t, "smtp://"+o.address+"?tls=none"), nil}
	s := i.open(t)
	defer stop(t, s)
	check(t, s.Mail.Test(t.Context(), "mia@example.com"))
	if got := o.has(t, 1)[0]; got.tls {
		t.Error("tls=none used TLS")
	}
}

// TestMailSurvives: what was accepted is sent by the next server, though the one
// that accepted it never sent anything, and each mail once.
func TestMailSurvives(t *testing.T) {
	o := openOffice(t, false, "")
	i := installation{t.TempDir(), relay(t, "smtp://"+o.address), o.trust}
	first := i.open(t) // never started: as if it was killed right after the answer
	for _, to := range []string{"noah@example.com", "lea@example.com"} {
		check(t, first.Mail.Invite(t.Context(), invitation(to)))
	}
	stop(t, first)
	second := i.open(t)
	defer func() { stop(t, second) }()
	check(t, second.Start(t.Context()))
	seen := map[string]int{}
	for _, m := range o.has(t, 2) {
		seen[m.to]++
		if m.Header.Get("Bcc") != "" || !strings.Contains(strings.ReplaceAll(m.body, "=\r\n", ""), "join?link=3Dsecret") && !strings.Contains(m.body, "join?link=secret") {
			t.Errorf("%v\n%s", m.Header, m.body)
		}
	}
	if seen["noah@example.com"] != 1 || seen["lea@example.com"] != 1 {
		t.Errorf("sent %v", seen)
	}
	settled(t, second, letters.Queue{})
}

// settled waits until the outbox stands so.
func settled(t *testing.T, s *server.Server, want letters.Queue) letters.Queue {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		q, err := s.Mail.Queue(t.Context())
		check(t, err)
		if q.Waiting == want.Waiting && q.GivenUp == want.GivenUp && strings.Contains(q.Problem, want.Problem) {
			return q
		}
		if time.Now().After(deadline) {
			t.Fatalf("the outbox is %+v, want %+v", q, want)
		}
	}
}

// TestMailIsTriedAgain: a mail server that is away or says "later" does not cost a mail; a
// recipient that does not exist is not asked for ever.
func TestMailIsTriedAgain(t *testing.T) {
	o := openOffice(t, false, "")
	o.refuse = func(command string) error {
		if command == "RCPT" {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Try again later"}
		}
		return nil
	}
	i := installation{t.TempDir(), relay(t, "smtp://"+o.address), o.trust}
	s := i.open(t)
	defer func() { stop(t, s) }()
	check(t, s.Start(t.Context()))
	check(t, s.Mail.Invite(t.Context(), invitation("noah@example.com")))
	settled(t, s, letters.Queue{Waiting: 1, Problem: "Try again later"})
	o.mu.Lock()
	o.refuse = func(string) error {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here"}
	}
	o.mu.Unlock()
	if err := s.Mail.Test(t.Context(), "nobody@example.com"); aurora.KindOf(err) != aurora.Unavailable || !strings.Contains(err.Error(), "--mail-from") {
		t.Errorf("%v", err)
	}
	o.mu.Lock()
	o.refuse = func(command string) error {
		if command == "RCPT" {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here"}
		}
		return nil
	}
	o.mu.Unlock()
	check(t, s.Mail.Invite(t.Context(), invitation("nobody@example.com")))
	settled(t, s, letters.Queue{Waiting: 1, GivenUp: 1, Problem: "does not take mail for this recipient"})
}

// TestMailProblemsAreExplained: what can be wrong with a mail server has a
// sentence each that says what to do.
func TestMailProblemsAreExplained(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	nobody := closed.Addr().String()
	check(t, closed.Close())
	o := openOffice(t, false, "aurora")
	for _, tt := range []struct {
		name, url string
		trust     *tls.Config
		says      string
	}{
		{"nobody listens", "smtp://" + nobody, nil, "cannot be reached"},
		{"wrong password", "smtp://aurora:falsch@" + o.address, o.trust, "refused the user or the password"},
		{"unknown CA", "smtp://aurora:geheim@" + o.address, nil, "is not trusted"},
		{"no user", "smtp://" + o.address, o.trust, "does not let Aurora send as"},
	} {
		s := installation{t.TempDir(), relay(t, tt.url), tt.trust}.open(t)
		err := s.Mail.Test(t.Context(), "mia@example.com")
		if refusal, ok := errors.AsType[*aurora.Error](err); !ok || !strings.Contains(refusal.Text, tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
		stop(t, s)
	}
}

func TestParseRelay(t *testing.T) {
	for text, want := range map[string]string{
		"smtp://mail.example.com":              "mail.example.com:587",
		"smtps://u:p%40ss@mail.example.com":    "mail.example.com:465",
		"smtp://localhost?tls=none":            "localhost:25",
		"smtp://[::1]:2525?tls=none":           "[::1]:2525",
		"mail.example.com:587":                 "",
		"http://mail.example.com":              "",
		"smtp://mail.example.com/inbox":        "",
		"smtp://mail.example.com?starttls=no":  "",
		"smtps://mail.example.com?tls=none":    "",
		"smtp://u:p@mail.example.com?tls=none": "",
		"smtp://:p@mail.example.com":           "",
		"smtp://mail.example.com:99999":        "",
	} {
		r, err := letters.ParseRelay(text, "", "push@example.com")
		if err == nil && r.Address() != want || err != nil && (want != "" || aurora.KindOf(err) != aurora.Invalid) {
			t.Errorf("%s: %s, %v", text, r.Address(), err)
		}
		if strings.Contains(text, "p%40ss") && r.Password.Reveal() != "p@ss" {
			t.Errorf("%s: the password is another", text)
		}
	}
	for _, from := range []string{"", "nobody"} {
		if _, err := letters.ParseRelay("smtp://mail.example.com", "", from); err == nil {
			t.Errorf("the sender %q is taken", from)
		}
	}
}
