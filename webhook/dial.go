package webhook

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/aurora-push/aurora"
)

const (
	maxURL    = 2048             // bytes
	postTime  = 10 * time.Second // from the first byte out to the last one read
	dialTime  = 5 * time.Second
	maxAnswer = 1024 // bytes of an answer that are read and kept
)

// checkURL refuses what is no endpoint. Where a name leads is checked when it
// is connected to, since it may lead elsewhere by then.
func checkURL(text string, allowPrivate bool) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "" || strings.ContainsAny(text, " \r\n\t") || !aurora.ValidText(text) {
		return aurora.Errorf(aurora.Invalid, "The URL of a webhook must be whole, such as https://example.com/hooks/aurora.")
	}
	if len(text) > maxURL {
		return aurora.Errorf(aurora.Invalid, "The URL of a webhook may have %d bytes.", maxURL)
	}
	if u.User != nil || u.Fragment != "" {
		return aurora.Errorf(aurora.Invalid, "The URL of a webhook must have neither a user nor a fragment. Deliveries are signed: check the signature instead of a password.")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !allowPrivate) {
		return aurora.Errorf(aurora.Invalid, "The URL of a webhook must begin with https://; a server started with --webhook-allow-private takes http:// too.")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !allowPrivate {
		if why := inside(ip); why != "" {
			return aurora.Errorf(aurora.Invalid, "The address %s is %s, where webhooks are not delivered to unless the server is started with --webhook-allow-private.", ip, why)
		}
	}
	return nil
}

// Ranges that package netip has no word for (IANA special-purpose registries).
var special = map[string]netip.Prefix{
	"in this network":                        netip.MustParsePrefix("0.0.0.0/8"),
	"shared by a carrier (RFC 6598)":         netip.MustParsePrefix("100.64.0.0/10"),
	"reserved for protocols":                 netip.MustParsePrefix("192.0.0.0/24"),
	"for benchmarks":                         netip.MustParsePrefix("198.18.0.0/15"),
	"reserved":                               netip.MustParsePrefix("240.0.0.0/4"),
	"translated to IPv4 (RFC 6052)":          netip.MustParsePrefix("64:ff9b::/96"),
	"translated to IPv4 (RFC 8215)":          netip.MustParsePrefix("64:ff9b:1::/48"),
	"a tunnel to IPv4 (6to4)":                netip.MustParsePrefix("2002::/16"),
	"a tunnel to IPv4 (Teredo)":              netip.MustParsePrefix("2001::/32"),
	"site-local":                             netip.MustParsePrefix("fec0::/10"),
	"an IPv4 address in an old form (::/96)": netip.MustParsePrefix("::/96"),
}

// inside says what keeps an address from being one of the public internet; ""
// if nothing does.
func inside(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	switch {
	case !ip.IsValid() || ip.IsUnspecified():
		return "no address"
	case ip.IsLoopback():
		return "this machine itself"
	case ip.IsPrivate():
		return "in a private network"
	case ip.IsLinkLocalUnicast(), ip.IsLinkLocalMulticast(), ip.IsInterfaceLocalMulticast():
		return "link-local"
	case ip.IsMulticast():
		return "multicast"
	}
	for what, p := range special {
		if p.Contains(ip) {
			return what
		}
	}
	return ""
}

// errInside is why a connection was refused.
type errInside struct{ host, why string }

func (e errInside) Error() string {
	return fmt.Sprintf("%s is %s, where webhooks are not delivered to unless the server is started with --webhook-allow-private", e.host, e.why)
}

// newClient returns the client that posts. It follows no redirect, asks no
// proxy (which would resolve names by itself, past the check below), and checks
// each address after its name was resolved, on the connection that is used.
func newClient(transport http.RoundTripper, allowPrivate bool) *http.Client {
	if transport == nil {
		dialer := &net.Dialer{Timeout: dialTime}
		if !allowPrivate {
			dialer.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
				at, err := netip.ParseAddrPort(address)
				if err != nil {
					return err
				}
				if why := inside(at.Addr()); why != "" {
					return errInside{at.Addr().String(), why}
				}
				return nil
			}
		}
		transport = &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    dialTime,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    maxPostsEach,
			IdleConnTimeout:        time.Minute,
			ResponseHeaderTimeout:  postTime,
			MaxResponseHeaderBytes: 16 << 10,
		}
	}
	return &http.Client{Transport: transport, Timeout: postTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
