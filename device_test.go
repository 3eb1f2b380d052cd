package aurora_test

import (
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
)

func TestValidateTag(t *testing.T) {
	for _, s := range []string{"a", "VIP", "under_score", "@!#$&*+=.|￥", "读者", strings.Repeat("极", 13), strings.Repeat("x", 40), "two words"} {
		if err := aurora.ValidateTag("tag", s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", strings.Repeat("极", 14), strings.Repeat("x", 41), "a,b", "line\nend", "\x00", "\xff", "\u200b", strings.Repeat("x", 1<<20)} {
		refused(t, aurora.ValidateTag("tag", s), aurora.Invalid)
	}
}

func TestValidateRegistrationID(t *testing.T) {
	for _, s := range []string{"1a0018970a9", "1a0018970a8c51be3f4", strings.Repeat("Z", 32)} {
		if err := aurora.ValidateRegistrationID(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "1a0018970a", strings.Repeat("Z", 33), "INVALID_REGISTRATION_ID", "1a0018970a8c51be3f!", "１ａ００１８９７０ａ８"} {
		refused(t, aurora.ValidateRegistrationID(s), aurora.Invalid)
	}
}

func TestNormalizeToken(t *testing.T) {
	plain := strings.Repeat("0a1b", 16)
	for _, tt := range []struct{ given, want string }{
		{plain, plain},
		{strings.ToUpper(plain), plain},
		{"<0A1B2C3D 0a1b2c3d>", "0a1b2c3d0a1b2c3d"},
		{"0a1b", "0a1b"},
		{strings.Repeat("ff", 100), strings.Repeat("ff", 100)},
	} {
		if got, err := aurora.NormalizeToken(tt.given); err != nil || got != tt.want {
			t.Errorf("%q gives %q, %v", tt.given, got, err)
		}
	}
	for _, s := range []string{"", "0a", "0a1", strings.Repeat("ff", 101), "not hexadecimal", "0x0a1b", plain + "\n"} {
		_, err := aurora.NormalizeToken(s)
		refused(t, err, aurora.Invalid)
	}
}

func TestProfileValidate(t *testing.T) {
	fine := aurora.Profile{Channel: "App Store", AppVersion: "4.2.0 (311)", OSVersion: "18.1", Model: "iPhone16,2", Language: "zh-Hans", TimeZone: "Europe/Berlin"}
	if err := fine.Validate(); err != nil {
		t.Error(err)
	}
	if err := (aurora.Profile{Model: strings.Repeat("m", 128)}).Validate(); err != nil {
		t.Error(err)
	}
	for _, p := range []aurora.Profile{{Model: strings.Repeat("m", 129)}, {Language: "en\n"}, {Channel: "\xff"}, {TimeZone: "\x00"}, {OSVersion: strings.Repeat("1", 129)}, {AppVersion: "\x7f"}} {
		refused(t, p.Validate(), aurora.Invalid)
	}
}

func TestParseEnvironment(t *testing.T) {
	for s, want := range map[string]aurora.Environment{"development": aurora.Development, "sandbox": aurora.Development, "production": aurora.Production} {
		if got, err := aurora.ParseEnvironment(s); err != nil || got != want {
			t.Errorf("%q gives %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "Production", "staging", strings.Repeat("x", 300)} {
		_, err := aurora.ParseEnvironment(s)
		refused(t, err, aurora.Invalid)
	}
}
