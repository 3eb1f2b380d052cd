package aurora_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aurora-push/aurora"
)

// TestSecretHidesItself: however an app ends up in a log, its secret does not.
func TestSecretHidesItself(t *testing.T) {
	const value = "5ec4e75ec4e75ec4e75ec4e7"
	app := aurora.App{Key: "a1b2c3d4e5f60718293a4b5c", MasterSecret: aurora.NewSecret(value)}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("app", "app", app, "pointer", &app, "secret", app.MasterSecret)
	}
	text, err := json.Marshal(app)
	if err != nil {
		t.Fatal(err)
	}
	all := log.String() + string(text) + fmt.Sprint(app, &app, app.MasterSecret) + fmt.Sprintf("%+v %#v %s %q %v", app, app, app.MasterSecret, app.MasterSecret, []aurora.Secret{app.MasterSecret})
	if strings.Contains(all, value) {
		t.Errorf("the secret shows in: %s", all)
	}
	if strings.Count(all, "[secret]") < 8 {
		t.Errorf("the secret is not marked in: %s", all)
	}
	if app.MasterSecret.Reveal() != value || !app.MasterSecret.Equal(value) || app.MasterSecret.Equal(value+"0") || app.MasterSecret.Equal("") {
		t.Error("Reveal and Equal do not tell the value")
	}
}

// TestNewKey: official JPush clients refuse keys of another form (spec/rest-api.md §3).
func TestNewKey(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		k := aurora.NewKey()
		if !aurora.ValidKey(k) || strings.ToLower(k) != k || seen[k] {
			t.Fatalf("%q", k)
		}
		seen[k] = true
	}
	for _, s := range []string{"", "a1b2c3d4e5f60718293a4b5", "a1b2c3d4e5f60718293a4b5c0", "a1b2c3d4e5f60718293a4b5-", "a1b2c3d4e5f60718293a4bé"} {
		if aurora.ValidKey(s) {
			t.Errorf("%q passes for a key", s)
		}
	}
}
