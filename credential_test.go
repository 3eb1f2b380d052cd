package aurora_test

import (
	"testing"
	"time"

	"github.com/aurora-push/aurora"
)

func TestCredentialUsable(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	good := aurora.Credential{ValidatedAt: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	for _, tt := range []struct {
		name   string
		change func(*aurora.Credential)
		want   bool
	}{
		{"validated and in time", func(*aurora.Credential) {}, true},
		{"a key, which does not expire", func(c *aurora.Credential) { c.NotAfter = time.Time{} }, true},
		{"at the moment of expiry", func(c *aurora.Credential) { c.NotAfter = now }, false},
		{"never accepted by APNs", func(c *aurora.Credential) { c.ValidatedAt = time.Time{} }, false},
		{"parked", func(c *aurora.Credential) { c.Parked = "BadCertificate" }, false},
	} {
		c := good
		tt.change(&c)
		if c.Usable(now) != tt.want {
			t.Errorf("%s: usable is %v", tt.name, !tt.want)
		}
	}
}

func TestDaysLeft(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		left time.Duration
		want int
	}{{30 * 24 * time.Hour, 30}, {47 * time.Hour, 1}, {time.Hour, 0}, {-time.Second, -1}, {-24 * time.Hour, -1}, {-49 * time.Hour, -3}} {
		if days, expires := (aurora.Credential{NotAfter: now.Add(tt.left)}).DaysLeft(now); !expires || days != tt.want {
			t.Errorf("%v before expiry: %d, %v", tt.left, days, expires)
		}
	}
	if _, expires := (aurora.Credential{}).DaysLeft(now); expires {
		t.Error("a key expires")
	}
}
