package aurora

import (
	"encoding/hex"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Environment is one of Apple's two worlds. A device token belongs to exactly
// one; the zero value means none is known.
type Environment uint8

// The environments.
const (
	NoEnvironment Environment = iota
	Development               // builds signed for development; api.sandbox.push.apple.com
	Production                // TestFlight, App Store, ad hoc; api.push.apple.com
)

// String returns "development", "production" or "".
func (e Environment) String() string {
	return [...]string{"", "development", "production"}[e]
}

// ParseEnvironment reads what String writes. "sandbox" is accepted for
// development because Apple's documents use both words.
func ParseEnvironment(s string) (Environment, error) {
	switch s {
	case "development", "sandbox":
		return Development, nil
	case "production":
		return Production, nil
	}
	return NoEnvironment, Errorf(Invalid, "environment must be \"development\" or \"production\", not %.40q.", s)
}

// Platform names an operating system family as JPush does.
type Platform string

// The platforms JPush knows. Aurora has a channel for iOS so far.
const (
	IOS      Platform = "ios"
	Android  Platform = "android"
	HMOS     Platform = "hmos"
	QuickApp Platform = "quickapp"
	WinPhone Platform = "winphone"
)

// Platforms lists every platform that a push may name.
var Platforms = []Platform{Android, IOS, QuickApp, HMOS, WinPhone}

// Device is one installation of one app on one phone.
type Device struct {
	AppID          int64
	Number         uint32 // position in the app's bitmaps: 0, 1, 2 …
	RegistrationID string
	Platform       Platform
	Token          string      // APNs device token, lower-case hex; "" while none is known
	Environment    Environment // of the token
	TokenAt        time.Time   // when the app last reported the token
	RetiredReason  string      // why the last token was retired, such as "Unregistered"; "" while it is live
	RetiredAt      time.Time
	Alias          string
	Tags           []string // sorted
	Badge          int      // what "+1" adds to
	Mobile         string   // phone number, as the app's owner knows it; "" if none
	PushDisabled   bool     // the app's user switched pushes off in the SDK
	Muted          bool     // the system's permission for notifications is denied
	Profile        Profile
	RegisteredAt   time.Time
	SeenAt         time.Time
}

// Profile is what the SDK tells about the installation. Every field may be empty.
type Profile struct {
	Channel    string `json:"channel,omitempty"`
	AppVersion string `json:"app_version,omitempty"`
	OSVersion  string `json:"os_version,omitempty"`
	Model      string `json:"model,omitempty"`
	Language   string `json:"language,omitempty"`
	TimeZone   string `json:"time_zone,omitempty"`
}

// Limits of device attributes (spec/rest-api.md §9.1).
const (
	MaxTagBytes      = 40   // a tag or alias, in UTF-8 bytes
	MaxTagsPerDevice = 1000 // tags one device can carry
	MaxTagsPerCall   = 100  // tags added or removed by one call
	MaxBadge         = 99999
	maxProfileBytes  = 128
)

// ValidateTag checks a tag or an alias; what names which of the two for the
// sentence. Any printable Unicode but commas is allowed (spec/rest-api.md §7.3).
func ValidateTag(what, s string) error {
	switch {
	case s == "":
		return Errorf(Invalid, "A %s must not be empty.", what)
	case len(s) > MaxTagBytes:
		return Errorf(Invalid, "The %s %q is %d bytes long; at most %d bytes of UTF-8 are allowed.", what, clip(s), len(s), MaxTagBytes)
	case !utf8.ValidString(s):
		return Errorf(Invalid, "A %s is not valid UTF-8.", what)
	case strings.ContainsFunc(s, func(r rune) bool { return r == ',' || !unicode.IsPrint(r) }):
		return Errorf(Invalid, "The %s %q contains a comma or a character that cannot be printed.", what, s)
	}
	return nil
}

// ValidateMobile checks a phone number: digits after an optional "+", and
// hyphens, at most 20 characters (spec/rest-api.md §9.3). "" removes one.
func ValidateMobile(s string) error {
	if len(s) > 20 || strings.ContainsFunc(s, func(r rune) bool { return r != '+' && r != '-' && (r < '0' || r > '9') }) || strings.LastIndexByte(s, '+') > 0 || strings.HasPrefix(s, "-") {
		return Errorf(Invalid, "mobile must have digits and hyphens, perhaps after a +, and at most 20 characters.")
	}
	return nil
}

// ValidateRegistrationID checks the form only: 11 to 32 letters and digits
// (spec/rest-api.md §4).
func ValidateRegistrationID(id string) error {
	if len(id) < 11 || len(id) > 32 || !alphanumeric(id) {
		return Errorf(Invalid, "%q is not a registration id: it has 11 to 32 letters and digits.", clip(id))
	}
	return nil
}

// tokenPrint drops what old debugging prints put around the digits.
var tokenPrint = strings.NewReplacer(" ", "", "<", "", ">", "")

// NormalizeToken returns an APNs device token as lower-case hex. It accepts
// upper case and the spaces and angle brackets of old debugging prints. A
// token has 2 to 100 bytes (spec/apns.md §2.5); today's have 32.
func NormalizeToken(s string) (string, error) {
	s = strings.ToLower(tokenPrint.Replace(s))
	b, err := hex.DecodeString(s)
	if err != nil {
		return "", Errorf(Invalid, "The device token is not hexadecimal. Send the bytes that iOS gave the app, two hex digits each.")
	}
	if len(b) < 2 || len(b) > 100 {
		return "", Errorf(Invalid, "The device token has %d bytes; APNs tokens have 2 to 100 (32 today). Send exactly what iOS gave the app.", len(b))
	}
	return s, nil
}

// Validate checks the lengths and characters of the profile.
func (p Profile) Validate() error {
	for _, f := range [][2]string{{"channel", p.Channel}, {"app_version", p.AppVersion}, {"os_version", p.OSVersion}, {"model", p.Model}, {"language", p.Language}, {"time_zone", p.TimeZone}} {
		if len(f[1]) > maxProfileBytes || !utf8.ValidString(f[1]) || strings.ContainsFunc(f[1], unicode.IsControl) {
			return Errorf(Invalid, "%s must be at most %d bytes of printable UTF-8.", f[0], maxProfileBytes)
		}
	}
	return nil
}

// clip keeps a hostile value from filling an error message.
func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}
