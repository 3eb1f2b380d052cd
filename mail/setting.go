package mail

import (
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/aurora-push/aurora"
)

// Relay is the mail server that takes what Aurora sends.
type Relay struct {
	Host     string
	Port     int
	User     string
	Password aurora.Secret
	// Implicit begins with TLS (smtps, RFC 8314 §3.3); else STARTTLS is demanded.
	Implicit bool
	// Plain sends without TLS, to a server on this machine or in a trusted network.
	Plain bool
	// From is the sender's address, with a name or without.
	From mail.Address
}

// Address is the host and port, as people write them.
func (r Relay) Address() string { return net.JoinHostPort(r.Host, strconv.Itoa(r.Port)) }

// ParseRelay reads smtp://USER:PASSWORD@HOST:PORT (STARTTLS, port 587),
// smtps://… (TLS from the first byte, port 465) or smtp://HOST?tls=none (port
// 25) and the sender's address. A password that is given apart takes the place
// of the one in the URL. Refusals are *aurora.Error.
func ParseRelay(text, password, from string) (Relay, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || strings.Trim(u.Path, "/") != "" {
		return Relay{}, aurora.Errorf(aurora.Invalid, "The mail server must be given as smtp://USER@HOST:587 (STARTTLS), smtps://USER@HOST:465 (TLS) or smtp://HOST:25?tls=none. Characters such as @ or / in user and password are escaped, as in %%40.")
	}
	r := Relay{Host: u.Hostname(), User: u.User.Username(), Implicit: u.Scheme == "smtps", Port: 587}
	for name, values := range u.Query() {
		if name != "tls" || values[0] != "none" || r.Implicit {
			return Relay{}, aurora.Errorf(aurora.Invalid, "The mail server's URL has the setting %q; the only one is tls=none, and only with smtp://.", name+"="+values[0])
		}
		r.Plain, r.Port = true, 25
	}
	if r.Implicit {
		r.Port = 465
	}
	if text := u.Port(); text != "" {
		if r.Port, err = strconv.Atoi(text); err != nil || r.Port < 1 || r.Port > 65535 {
			return Relay{}, aurora.Errorf(aurora.Invalid, "The mail server's port must be 1 to 65535.")
		}
	}
	if given, ok := u.User.Password(); ok && password == "" {
		password = given
	}
	r.Password = aurora.NewSecret(password)
	if password != "" && r.User == "" {
		return Relay{}, aurora.Errorf(aurora.Invalid, "There is a password for the mail server and no user. Write the user into the URL: smtp://USER@HOST.")
	}
	if r.Plain && password != "" && !isLocal(r.Host) {
		return Relay{}, aurora.Errorf(aurora.Invalid, "With tls=none the password would cross the network in the clear. Leave out tls=none, or the user.")
	}
	if from == "" {
		return Relay{}, aurora.Errorf(aurora.Missing, "The sender's address is missing: give --mail-from push@example.com (AURORA_MAIL_FROM).")
	}
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return Relay{}, aurora.Errorf(aurora.Invalid, "The sender %.80q is no address. Write push@example.com or Aurora <push@example.com>.", from)
	}
	r.From = *sender
	return r, nil
}

func isLocal(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
