package account_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
)

func TestAllowList(t *testing.T) {
	list, err := account.ParseAllowList([]string{" 203.0.113.7", "10.0.0.0/8", "2001:db8::/32", "::1", "::ffff:198.51.100.1", "10.0.0.0/8"})
	check(t, err)
	if got, want := list.String(), "203.0.113.7,10.0.0.0/8,2001:db8::/32,::1,198.51.100.1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for address, want := range map[string]bool{
		"203.0.113.7": true, "203.0.113.8": false, "10.255.0.1": true, "11.0.0.1": false,
		"::ffff:10.1.2.3": true, "2001:db8:1::2": true, "2001:db9::1": false, "::1": true, "198.51.100.1": true,
	} {
		if list.Has(netip.MustParseAddr(address)) != want {
			t.Errorf("%s: allowed is not %v", address, want)
		}
	}
	if list.Has(netip.Addr{}) {
		t.Error("an unknown address is on the list")
	}
	if !account.AllowList(nil).Has(netip.Addr{}) {
		t.Error("without a list not everyone is allowed")
	}
	for _, wrong := range []string{"", "example.com", "10.0.0.1/8", "10.0.0.0/33", "::ffff:10.0.0.0/104", "fe80::1%eth0", "1.2.3", "*"} {
		_, err := account.ParseAllowList([]string{wrong})
		refused(t, err, aurora.Invalid)
	}
	_, err = account.ParseAllowList(make([]string, 101))
	refused(t, err, aurora.Invalid)
}

// What ParseAllowList takes it also reads back from its own text, and an
// address of the list is on the list.
func FuzzParseAllowList(f *testing.F) {
	for _, seed := range []string{"203.0.113.7", "10.0.0.0/8,::1", "2001:db8::/32", "::ffff:1.2.3.4", "0.0.0.0/0", "a,b", "1.2.3.4/40"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := account.ParseAllowList(strings.Split(text, ","))
		if err != nil {
			if aurora.KindOf(err) != aurora.Invalid {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := account.ParseAllowList(list.Texts())
		if err != nil || again.String() != list.String() {
			t.Errorf("%q became %q: %v", list, again, err)
		}
		for _, p := range list {
			if !list.Has(p.Addr()) {
				t.Errorf("%v is not on %q", p.Addr(), list)
			}
		}
	})
}
