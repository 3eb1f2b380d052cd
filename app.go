package aurora

import (
	"bytes"
	"encoding/xml"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Account is a person or team that owns apps.
type Account struct {
	ID        int64
	Email     string
	DevKey    string // identifies the account to the admin API
	CreatedAt time.Time
}

// App is one application whose devices can be reached.
type App struct {
	ID           int64
	AccountID    int64
	Key          string // AppKey: public, built into the app
	MasterSecret Secret // known to the owner's servers only
	Name         string
	BundleID     string // the iOS bundle identifier, which is also the APNs topic
	Package      string // the Android package of an app that was made through the admin API
	CreatedAt    time.Time
}

// Group is several apps of one account that are sent to as one.
type Group struct {
	ID        int64
	AccountID int64
	Key       string // identifies it to the API, where "group-" goes before it
	Secret    Secret
	Name      string
	CreatedAt time.Time
}

// ValidateName checks an app's display name: 1 to 64 characters, printable.
func ValidateName(name string) error {
	n := utf8.RuneCountInString(name)
	if strings.TrimSpace(name) == "" {
		return Errorf(Missing, "The app needs a name. Enter 1 to 64 characters.")
	}
	if n > 64 || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return Errorf(Invalid, "The app's name must be 1 to 64 printable characters.")
	}
	return nil
}

// ValidateBundleID checks the form that Apple accepts for a bundle identifier
// (CFBundleIdentifier): letters, digits, hyphens and periods, at most 155
// bytes, no empty part.
func ValidateBundleID(id string) error {
	if id == "" {
		return Errorf(Missing, "The bundle id is missing. Enter the one in Xcode under Signing & Capabilities, such as com.example.reader.")
	}
	if len(id) > 155 {
		return Errorf(Invalid, "The bundle id is longer than 155 characters.")
	}
	for part := range strings.SplitSeq(id, ".") {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool {
			return r != '-' && (r > 0x7f || !alphanumeric(string(r)))
		}) {
			return Errorf(Invalid, "%q is not a bundle id: use letters, digits, hyphens and single periods, such as com.example.reader.", id)
		}
	}
	return nil
}

// PushConfig is what the client SDK reads from PushConfig.plist.
type PushConfig struct {
	Channel    string // free text, such as a store's name
	AppKey     string
	Production bool   // whether the build is signed for the production environment
	Server     string // base URL of this Aurora
}

// Plist returns the file as an XML property list with the keys JPush's SDK
// uses (spec/ios-sdk.md §2.1) and SERVER, which is Aurora's own.
func (c PushConfig) Plist() []byte {
	production := "0"
	if c.Production {
		production = "1"
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	b.WriteString(`<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n<plist version=\"1.0\">\n<dict>\n")
	for _, kv := range [][2]string{{"APP_KEY", c.AppKey}, {"APS_FOR_PRODUCTION", production}, {"CHANNEL", c.Channel}, {"SERVER", c.Server}} {
		b.WriteString("\t<key>" + kv[0] + "</key>\n\t<string>")
		xml.EscapeText(&b, []byte(kv[1])) // a bytes.Buffer does not fail
		b.WriteString("</string>\n")
	}
	b.WriteString("</dict>\n</plist>\n")
	return b.Bytes()
}
