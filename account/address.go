package account

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/aurora-push/aurora"
)

// AllowList is the addresses that callers may come from; empty means any.
type AllowList []netip.Prefix

// maxAllowed bounds an allow-list, which is walked for every call.
const maxAllowed = 100

// ParseAllowList reads addresses and ranges, such as 203.0.113.7 and
// 2001:db8::/32. A range with bits beyond its length is refused, since it is
// more often a slip than meant.
func ParseAllowList(entries []string) (AllowList, error) {
	if len(entries) > maxAllowed {
		return nil, aurora.Errorf(aurora.Invalid, "An allow-list may have %d entries. Merge ranges that lie side by side.", maxAllowed)
	}
	var list AllowList
	for _, text := range entries {
		p, err := parsePrefix(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return p, aurora.Errorf(aurora.Invalid, "%.60q is neither an IP address nor a range such as 203.0.113.0/24.", text)
	}
	if p != p.Masked() {
		return p, aurora.Errorf(aurora.Invalid, "The range %s has bits beyond its length. Did you mean %s, or the address %s?", p, p.Masked(), p.Addr())
	}
	return p, nil
}

// String writes what ParseAllowList reads, joined by commas.
func (l AllowList) String() string { return strings.Join(l.Texts(), ",") }

// Texts returns the entries; a single address without its length.
func (l AllowList) Texts() []string {
	texts := make([]string, len(l))
	for i, p := range l {
		if texts[i] = p.String(); p.IsSingleIP() {
			texts[i] = p.Addr().String()
		}
	}
	return texts
}

// Has reports whether a caller at the address is allowed.
func (l AllowList) Has(from netip.Addr) bool {
	from = from.Unmap().WithZone("")
	return len(l) == 0 || slices.ContainsFunc(l, func(p netip.Prefix) bool { return p.Contains(from) })
}

// Origin returns where a request comes from: the peer of the connection (an
// address with a port), or, if that is a trusted proxy, the last address in the
// X-Forwarded-For headers that is none. It is the zero address if that cannot be
// told: what a proxy cannot name must not pass as its own address.
func Origin(peer string, forwarded []string, trusted []netip.Prefix) netip.Addr {
	at, err := netip.ParseAddrPort(peer)
	if err != nil {
		return netip.Addr{}
	}
	from := at.Addr().Unmap()
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(hops) - 1; i >= 0 && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(from) }); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return netip.Addr{}
		}
		from = hop.Unmap()
	}
	return from
}
