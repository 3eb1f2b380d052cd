package aurora_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
)

// alert returns the JSON of a string that is n bytes long with its quotes.
func alert(n int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("a", n-2) + `"`) }

func TestMessageValidate(t *testing.T) {
	ttl := func(n int64) func(*aurora.Message) { return func(m *aurora.Message) { m.Options.TimeToLive = &n } }
	collapse := func(id string) func(*aurora.Message) { return func(m *aurora.Message) { m.Options.CollapseID = id } }
	ios := func(n aurora.IOSNotification) func(*aurora.Message) {
		return func(m *aurora.Message) { m.Content.Alert, m.Content.IOS = nil, &n }
	}
	const fine = aurora.Kind(255)
	for _, tt := range []struct {
		name   string
		change func(*aurora.Message)
		want   aurora.Kind
	}{
		{"a shared alert", func(*aurora.Message) {}, fine},
		{"every platform", func(m *aurora.Message) { m.Platforms = aurora.Platforms }, fine},
		{"unknown platform", func(m *aurora.Message) { m.Platforms = []aurora.Platform{"ios", "symbian"} }, aurora.Invalid},
		{"sendno at its end", func(m *aurora.Message) { m.SendNo = 1<<32 - 1 }, fine},
		{"sendno over 32 bits", func(m *aurora.Message) { m.SendNo = 1 << 32 }, aurora.Invalid},
		{"negative sendno", func(m *aurora.Message) { m.SendNo = -1 }, aurora.Invalid},
		{"time to live of 0", ttl(0), fine},
		{"ten days", ttl(864000), fine},
		{"ten days and a second", ttl(864001), aurora.Invalid},
		{"negative time to live", ttl(-1), aurora.Invalid},
		{"collapse id of 64 bytes", collapse(strings.Repeat("c", 64)), fine},
		{"collapse id of 65 bytes", collapse(strings.Repeat("c", 65)), aurora.Invalid},
		{"collapse id of 66 bytes in 22 characters", collapse(strings.Repeat("票", 22)), aurora.Invalid},
		{"collapse id with a line end", collapse("a\nb"), aurora.Invalid},
		{"collapse id that ends with a blank", collapse("gate "), aurora.Invalid},
		{"collapse id with a blank inside", collapse("gate 12"), fine},
		{"nothing in it", func(m *aurora.Message) { m.Content.Alert = nil }, aurora.Missing},
		{"shared alert at its limit", func(m *aurora.Message) { m.Content.Alert = alert(2000) }, fine},
		{"shared alert over it", func(m *aurora.Message) { m.Content.Alert = alert(2001) }, aurora.TooLarge},
		{"ios without an alert", ios(aurora.IOSNotification{Category: "reply"}), aurora.Invalid},
		{"ios without an alert, silent", ios(aurora.IOSNotification{ContentAvailable: true}), fine},
		{"ios block of 2000 bytes", ios(aurora.IOSNotification{Alert: alert(2000 - len(`{"alert":}`))}), fine},
		{"ios block of 2001 bytes", ios(aurora.IOSNotification{Alert: alert(2001 - len(`{"alert":}`))}), aurora.TooLarge},
		{"1900 angle brackets are 1900 bytes", ios(aurora.IOSNotification{Alert: json.RawMessage(`"` + strings.Repeat("<", 1900) + `"`)}), fine},
		{"extras count", ios(aurora.IOSNotification{Alert: alert(10), Extras: map[string]json.RawMessage{"k": alert(2000)}}), aurora.TooLarge},
		{"every interruption level", ios(aurora.IOSNotification{Alert: alert(10), InterruptionLevel: "time-sensitive"}), fine},
		{"an unknown interruption level", ios(aurora.IOSNotification{Alert: alert(10), InterruptionLevel: "loud"}), aurora.Invalid},
		{"an ios block that is not addressed is not checked", func(m *aurora.Message) {
			m.Platforms, m.Content.IOS = []aurora.Platform{aurora.Android}, &aurora.IOSNotification{InterruptionLevel: "loud"}
		}, fine},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := aurora.Message{Content: aurora.Content{Alert: json.RawMessage(`"hello"`)}}
			tt.change(&m)
			err := m.Validate()
			if tt.want == fine {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			refused(t, err, tt.want)
		})
	}
}

// refused checks that an error is a refusal of a kind, with a sentence.
func refused(t *testing.T, err error, want aurora.Kind) {
	t.Helper()
	if err == nil {
		t.Fatal("accepted")
	}
	if aurora.KindOf(err) != want {
		t.Errorf("kind %v, want %v: %v", aurora.KindOf(err), want, err)
	}
	if s := err.Error(); len(s) < 15 || len(s) > 400 || !strings.HasSuffix(s, ".") {
		t.Errorf("not a sentence: %q", s)
	}
}

func TestExpiresAt(t *testing.T) {
	m := aurora.Message{AcceptedAt: time.Unix(1_800_000_000, 0)}
	if got := m.ExpiresAt().Sub(m.AcceptedAt); got != 24*time.Hour {
		t.Errorf("without time_to_live a message lives %v, want a day", got)
	}
	for _, seconds := range []int64{0, 90, 864000} {
		m.Options.TimeToLive = &seconds
		if got := m.ExpiresAt().Sub(m.AcceptedAt); got != time.Duration(seconds)*time.Second {
			t.Errorf("time_to_live %d gives %v", seconds, got)
		}
	}
}

func TestParseMessageID(t *testing.T) {
	for _, s := range []string{"1", "58512043210007", "9007199254740991"} {
		if id, err := aurora.ParseMessageID(s); err != nil || id.String() != s {
			t.Errorf("%s: %v, %v", s, id, err)
		}
	}
	for _, s := range []string{"", "0", "-1", "9007199254740992", "99999999999999999999", "1.0", "1e3", "0x10", "abc", " 1", strings.Repeat("9", 5000)} {
		_, err := aurora.ParseMessageID(s)
		refused(t, err, aurora.Invalid)
	}
}
