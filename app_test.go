package aurora_test

import (
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/device"
)

func TestValidateName(t *testing.T) {
	for _, s := range []string{"R", "Reader", "极光天气", strings.Repeat("名", 64)} {
		if err := aurora.ValidateName(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for s, want := range map[string]aurora.Kind{"": aurora.Missing, "   ": aurora.Missing, strings.Repeat("名", 65): aurora.Invalid, "two\nlines": aurora.Invalid, "\xff": aurora.Invalid} {
		refused(t, aurora.ValidateName(s), want)
	}
}

func TestValidateBundleID(t *testing.T) {
	for _, s := range []string{"com.example.reader", "a", "com.example.my-app2", strings.Repeat("b", 155)} {
		if err := aurora.ValidateBundleID(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for s, want := range map[string]aurora.Kind{"": aurora.Missing, "com..reader": aurora.Invalid, ".com": aurora.Invalid, "com.": aurora.Invalid, "com.exam_ple": aurora.Invalid, "com.例子": aurora.Invalid, "com example": aurora.Invalid, strings.Repeat("b", 156): aurora.Invalid} {
		refused(t, aurora.ValidateBundleID(s), want)
	}
}

// TestPlistIsWhatTheSDKReads: the console's download configures the SDK.
func TestPlistIsWhatTheSDKReads(t *testing.T) {
	for _, c := range []aurora.PushConfig{
		{Channel: "App Store", AppKey: aurora.NewKey(), Production: true, Server: "https://push.example.com"},
		{Channel: "a & b <c>", AppKey: aurora.NewKey(), Server: "http://127.0.0.1:8080"},
	} {
		got, err := device.ParseConfig(c.Plist())
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if got != (device.Config{Channel: c.Channel, AppKey: c.AppKey, Production: c.Production, Server: c.Server}) {
			t.Errorf("%+v was read as %+v", c, got)
		}
	}
}
