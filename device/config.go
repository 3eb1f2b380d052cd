package device

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// Config says which app this is and where its Aurora runs: the content of PushConfig.plist.
type Config struct {
	Channel    string // where the app was obtained, such as "App Store"; 1–255 bytes; free text for statistics
	AppKey     string // 24 lower-case letters and digits, from the console
	Production bool   // true for App Store and TestFlight builds; decides to which APNs the device token belongs
	Server     string // base URL of Aurora, http or https, an optional path prefix, no query
}

// ConfigError is one thing wrong with a PushConfig.plist. ParseConfig joins them, so that all are seen at once.
type ConfigError struct {
	Key     string // the key of the property list
	Problem string // what is wrong
	Remedy  string // what to do
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("PushConfig.plist: %s %s; %s", e.Key, e.Problem, e.Remedy)
}

var appKeyForm = regexp.MustCompile(`^[0-9a-z]{24}$`)

const (
	remedyChannel    = `write a short text such as "App Store"`
	remedyAppKey     = "copy the 24 characters of the AppKey from the app's page in the console"
	remedyProduction = `write "1" for App Store and TestFlight builds, "0" for builds run from Xcode`
	remedyServer     = "write the base URL of your Aurora, such as https://push.example.com"
)

// ParseConfig reads a PushConfig.plist, XML or binary, of at most 64 KiB. The keys CHANNEL, APP_KEY and APS_FOR_PRODUCTION
// ("0", "1", a boolean or an integer) are required; SERVER is optional, since the app may name the server in code; other
// keys are ignored (spec ios-sdk §2.1). What is wrong is returned as joined [ConfigError] values, each naming its key and
// the remedy.
func ParseConfig(data []byte) (Config, error) {
	value, err := parsePlist(data)
	if err != nil {
		return Config{}, fmt.Errorf("PushConfig.plist: %w", err)
	}
	dict, ok := value.(map[string]any)
	if !ok {
		return Config{}, fmt.Errorf("PushConfig.plist: %w: the outermost value must be a dictionary with CHANNEL, APP_KEY and APS_FOR_PRODUCTION", errPlist)
	}
	var c Config
	var problems []error
	wrong := func(key, problem, remedy string) {
		problems = append(problems, &ConfigError{key, problem, remedy})
	}
	text := func(key, remedy string, check func(string) string) string {
		value, present := dict[key]
		if !present {
			wrong(key, "is missing", remedy)
			return ""
		}
		s, ok := value.(string)
		if !ok {
			wrong(key, "is "+kindOf(value)+" instead of text", remedy)
			return ""
		}
		if problem := check(s); problem != "" {
			wrong(key, problem, remedy)
		}
		return s
	}
	c.Channel = text("CHANNEL", remedyChannel, checkChannel)
	c.AppKey = text("APP_KEY", remedyAppKey, checkAppKey)
	switch v := dict["APS_FOR_PRODUCTION"].(type) {
	case nil:
		wrong("APS_FOR_PRODUCTION", "is missing", remedyProduction)
	case bool:
		c.Production = v
	case int64:
		c.Production = v == 1
		if v != 0 && v != 1 {
			wrong("APS_FOR_PRODUCTION", fmt.Sprintf("is %d", v), remedyProduction)
		}
	case string:
		c.Production = v == "1"
		if v != "0" && v != "1" {
			wrong("APS_FOR_PRODUCTION", fmt.Sprintf("is %.20q", v), remedyProduction)
		}
	default:
		wrong("APS_FOR_PRODUCTION", "is "+kindOf(v), remedyProduction)
	}
	if _, present := dict["SERVER"]; present {
		c.Server = text("SERVER", remedyServer, checkServer)
	}
	if len(problems) > 0 {
		return Config{}, errors.Join(problems...)
	}
	return c, nil
}

// check returns what is wrong with a configuration that was put together in code or read from a file; unlike in the file,
// the server is required here.
func (c Config) check() error {
	var problems []error
	wrong := func(key, problem, remedy string) {
		if problem != "" {
			problems = append(problems, &ConfigError{key, problem, remedy})
		}
	}
	wrong("CHANNEL", checkChannel(c.Channel), remedyChannel)
	wrong("APP_KEY", checkAppKey(c.AppKey), remedyAppKey)
	if c.Server == "" {
		wrong("SERVER", "is missing", remedyServer+", here or in the options of the SDK")
	} else {
		wrong("SERVER", checkServer(c.Server), remedyServer)
	}
	return errors.Join(problems...)
}

func checkChannel(s string) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "is empty"
	case len(s) > 255:
		return fmt.Sprintf("has %d bytes, at most 255 are allowed", len(s))
	case strings.ContainsFunc(s, unicode.IsControl):
		return "holds control characters"
	}
	return ""
}

func checkAppKey(s string) string {
	switch {
	case s == "":
		return "is empty"
	case strings.TrimSpace(s) != s:
		return "has white space around it"
	case !appKeyForm.MatchString(s):
		return fmt.Sprintf("is %.40q, which is not 24 lower-case letters and digits", s)
	}
	return ""
}

func checkServer(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return fmt.Sprintf("is %.100q, which is not a URL", s)
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Sprintf("is %.100q, which does not begin with https:// or http://", s)
	case u.Hostname() == "":
		return fmt.Sprintf("is %.100q, which names no host", s)
	case u.User != nil:
		return "holds a user name or password" // not repeated here: it may be a secret
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Sprintf("is %.100q, which has a query or a fragment", s)
	}
	return ""
}

func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "text"
	case bool:
		return "a boolean"
	case int64, float64:
		return "a number"
	case []any:
		return "an array"
	case map[string]any:
		return "a dictionary"
	}
	return "data or a date"
}
