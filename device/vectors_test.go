package device

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// readVectors decodes a file of the vectors shared with the SDKs in other languages.
func readVectors(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestParseConfigVectors(t *testing.T) {
	var vectors []struct {
		File, Why string
		Errors    []string
		Config    *struct {
			Channel    string
			AppKey     string `json:"app_key"`
			Production bool
			Server     string
		}
	}
	readVectors(t, "plist.json", &vectors)
	for _, v := range vectors {
		t.Run(v.File, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("..", "vectors", "plist", v.File))
			if err != nil {
				t.Fatal(err)
			}
			config, err := ParseConfig(data)
			if v.Config != nil {
				if want := Config(*v.Config); err != nil || config != want {
					t.Fatalf("%s: got %+v, %v; want %+v", v.Why, config, err, want)
				}
				return
			}
			if err == nil {
				t.Fatalf("%s: accepted as %+v", v.Why, config)
			}
			var keys []string
			if errors.Is(err, errPlist) {
				keys = append(keys, "PLIST")
			}
			if joined, ok := err.(interface{ Unwrap() []error }); ok && keys == nil {
				for _, err := range joined.Unwrap() {
					var wrong *ConfigError
					if errors.As(err, &wrong) {
						keys = append(keys, wrong.Key)
						if wrong.Remedy == "" || !strings.Contains(err.Error(), wrong.Remedy) {
							t.Errorf("%q does not say what to do", err)
						}
					}
				}
			}
			if strings.Join(keys, " ") != strings.Join(v.Errors, " ") {
				t.Fatalf("%s: the error names %v, want %v: %v", v.Why, keys, v.Errors, err)
			}
		})
	}
}

func TestParseConfigKeepsPasswordsToItself(t *testing.T) {
	data, err := os.ReadFile("../vectors/plist/bad-server-password.plist")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseConfig(data); err == nil || strings.Contains(err.Error(), "pass@") {
		t.Fatalf("error repeats the password: %v", err)
	}
}

func TestACycleIsNamedAsSuch(t *testing.T) {
	data, err := os.ReadFile("../vectors/plist/bad-binary-cycle.plist")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseConfig(data); err == nil || !strings.Contains(err.Error(), "contains itself") {
		t.Fatalf("got %v", err)
	}
}

func TestReceiptVectors(t *testing.T) {
	var vectors []struct {
		Name, Payload    string
		Received, Opened [][3]string
	}
	readVectors(t, "receipts.json", &vectors)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			for event, want := range map[Event][][3]string{Received: v.Received, Opened: v.Opened} {
				got := receiptsFor(event, []byte(v.Payload), time.Now())
				if len(got) != len(want) {
					t.Fatalf("%s: got %v, want %v", event, got, want)
				}
				for i := range got {
					if want[i] != [3]string{got[i].MessageID, string(got[i].Event), got[i].Part} {
						t.Fatalf("%s: got %v, want %v", event, got, want)
					}
				}
			}
		})
	}
}

func TestRetryVectors(t *testing.T) {
	var vectors struct {
		BaseMS          int64 `json:"base_ms"`
		CapMS           int64 `json:"cap_ms"`
		RetryAfterCapMS int64 `json:"retry_after_cap_ms"`
		Backoff         []struct {
			Failures int
			MinMS    int64 `json:"min_ms"`
			MaxMS    int64 `json:"max_ms"`
		}
		Now        time.Time
		RetryAfter []struct {
			Header string
			MS     int64
		} `json:"retry_after"`
	}
	readVectors(t, "retry.json", &vectors)
	if got := backoffBase.Milliseconds(); got != vectors.BaseMS {
		t.Errorf("base is %d ms, want %d", got, vectors.BaseMS)
	}
	if got := backoffCap.Milliseconds(); got != vectors.CapMS {
		t.Errorf("cap is %d ms, want %d", got, vectors.CapMS)
	}
	for _, v := range vectors.Backoff {
		if got := backoff(v.Failures, 0).Milliseconds(); got != v.MaxMS {
			t.Errorf("longest pause after %d failures is %d ms, want %d", v.Failures, got, v.MaxMS)
		}
		shortest := backoff(v.Failures, math.Nextafter(1, 0))
		if got := shortest.Milliseconds(); got < v.MinMS || got > v.MinMS+1 {
			t.Errorf("shortest pause after %d failures is %d ms, want just above %d", v.Failures, got, v.MinMS)
		}
	}
	for _, v := range vectors.RetryAfter {
		if got := retryAfter(http.Header{"Retry-After": {v.Header}}, vectors.Now).Milliseconds(); got != v.MS {
			t.Errorf("Retry-After %q asks for %d ms, want %d", v.Header, got, v.MS)
		}
	}
	if got := pause(1, 1000*time.Hour).Milliseconds(); got != vectors.RetryAfterCapMS {
		t.Errorf("a server can silence the phone for %d ms, want at most %d", got, vectors.RetryAfterCapMS)
	}
}

func TestRegistrationVectors(t *testing.T) {
	var vectors []struct {
		Name   string
		Config struct {
			Channel    string
			AppKey     string `json:"app_key"`
			Production bool
			Server     string
		}
		BundleID string `json:"bundle_id"`
		Profile  struct {
			AppVersion string `json:"app_version"`
			OSVersion  string `json:"os_version"`
			Model      string
			Language   string
			TimeZone   string `json:"time_zone"`
		}
		Request struct {
			Method          string
			URL             string
			InstallIDLength int `json:"install_id_length"`
			SecretLength    int `json:"secret_length"`
			Body            map[string]any
		}
	}
	readVectors(t, "registration.json", &vectors)
	for _, v := range vectors {
		synctest.Test(t, func(t *testing.T) {
			var method, url string
			var body map[string]any
			c := start(t, nil, nil, func(o *Options) {
				o.Config, o.BundleID = Config(v.Config), v.BundleID
				o.AppVersion, o.OSVersion, o.Model, o.Language, o.TimeZone = v.Profile.AppVersion, v.Profile.OSVersion, v.Profile.Model, v.Profile.Language, v.Profile.TimeZone
				o.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					method, url = r.Method, r.URL.String()
					err := json.NewDecoder(r.Body).Decode(&body)
					return nil, errors.Join(errors.New("offline"), err)
				})}
			})
			synctest.Wait()
			stop(t, c)
			id, _ := body["install_id"].(string)
			secret, _ := body["secret"].(string)
			if len(id) != v.Request.InstallIDLength || len(secret) != v.Request.SecretLength {
				t.Errorf("%s: install id %q, secret of %d characters", v.Name, id, len(secret))
			}
			delete(body, "install_id")
			delete(body, "secret")
			if method != v.Request.Method || url != v.Request.URL || !reflect.DeepEqual(body, v.Request.Body) {
				t.Errorf("%s: %s %s %v, want %+v", v.Name, method, url, body, v.Request)
			}
		})
	}
}

func TestChangeVectors(t *testing.T) {
	var vectors []struct {
		Name  string
		Calls [][]json.RawMessage
		Body  map[string]any
	}
	readVectors(t, "changes.json", &vectors)
	for _, v := range vectors {
		synctest.Test(t, func(t *testing.T) {
			a := newAurora()
			var bodies []map[string]any
			c := start(t, a, nil, func(o *Options) {
				o.HTTP = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					data, err := io.ReadAll(r.Body)
					if err != nil {
						return nil, err
					}
					r.Body = io.NopCloser(bytes.NewReader(data))
					var body map[string]any
					if r.Method == http.MethodPatch {
						if err := json.Unmarshal(data, &body); err != nil {
							return nil, err
						}
						bodies = append(bodies, body)
					}
					return a.RoundTrip(r)
				})}
			})
			mustSync(t, c)
			a.fail(fault{offline: true})
			c.SetBadge(1)
			synctest.Wait()
			bodies = nil
			for _, call := range v.Calls {
				if err := makeCall(c, call); err != nil {
					t.Errorf("%s: %s: %v", v.Name, call, err)
				}
			}
			mustSync(t, c)
			if len(bodies) != 1 || !reflect.DeepEqual(bodies[0], v.Body) {
				t.Errorf("%s: sent %v, want %v", v.Name, bodies, v.Body)
			}
		})
	}
}

// makeCall makes a call that a vector names.
func makeCall(c *Client, call []json.RawMessage) error {
	var name, text string
	var tags []string
	var number int
	var yes bool
	if err := json.Unmarshal(call[0], &name); err != nil {
		return err
	}
	into := map[string]any{"token": &text, "alias": &text, "set_tags": &tags, "add_tags": &tags, "remove_tags": &tags, "badge": &number, "push_enabled": &yes, "notifications_allowed": &yes}[name]
	if err := json.Unmarshal(call[1], into); err != nil {
		return err
	}
	switch name {
	case "token":
		c.RegisterDeviceToken([]byte(text))
	case "alias":
		return c.SetAlias(text)
	case "set_tags":
		return c.SetTags(tags)
	case "add_tags":
		return c.AddTags(tags...)
	case "remove_tags":
		return c.RemoveTags(tags...)
	case "badge":
		c.SetBadge(number)
	case "push_enabled":
		c.SetPushEnabled(yes)
	case "notifications_allowed":
		c.SetNotificationsAllowed(yes)
	}
	return nil
}

func FuzzParseConfig(f *testing.F) {
	files, err := filepath.Glob("../vectors/plist/*.plist")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 4096 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := ParseConfig(data)
		if err != nil {
			return
		}
		if config.Server == "" {
			config.Server = "https://push.example.com"
		}
		if err := config.check(); err != nil {
			t.Fatalf("accepted %+v, which is not valid: %v", config, err)
		}
	})
}

func FuzzMessageID(f *testing.F) {
	f.Add([]byte(`{"_j_msgid":58512043210007}`))
	f.Add([]byte(`{"_j_msgid":"1","aps":{}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		id, ok := MessageID(payload)
		if ok != digits.MatchString(id) {
			t.Fatalf("id %q, ok %v", id, ok)
		}
	})
}
