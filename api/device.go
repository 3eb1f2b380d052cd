package api

import (
	"net/http"
	"slices"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// maxDeviceBody bounds what a phone may send: a thousand tags fit.
const maxDeviceBody = 128 << 10

// empty is the answer where there is nothing to say (R3).
type empty struct{}

// registerDevice is POST /v1/devices: the first request of an installation.
// Repeating it gives the same registration id. What PATCH takes it takes, too.
func (s *server) registerDevice(r *http.Request) (any, error) {
	o, err := deviceBody(r)
	if err != nil {
		return nil, err
	}
	key, _, err := o.text("app_key")
	if err != nil {
		return nil, err
	}
	if key == "" {
		return nil, aurora.Errorf(aurora.Missing, "app_key is missing. It is APP_KEY in PushConfig.plist.")
	}
	app, err := s.Accounts.AppByKey(r.Context(), key)
	if aurora.KindOf(err) == aurora.NotFound {
		return nil, numbered{400, 7008, "There is no app with this app_key. Check APP_KEY in PushConfig.plist against the app's page in the console."}
	}
	if err != nil {
		return nil, err
	}
	reg, err := decodeRegistration(o, app)
	if err != nil {
		return nil, err
	}
	id, err := s.Devices.Register(r.Context(), app.ID, reg)
	return struct {
		RegistrationID string `json:"registration_id"`
	}{id}, err
}

func deviceBody(r *http.Request) (object, error) {
	body, err := readBody(r, maxDeviceBody)
	if err != nil {
		return object{}, err
	}
	return parseBody(body)
}

func decodeRegistration(o object, app aurora.App) (reg registry.Registration, err error) {
	bundleID, given, err := o.text("bundle_id")
	if err != nil {
		return reg, err
	}
	if given && bundleID != "" && bundleID != app.BundleID {
		return reg, aurora.Errorf(aurora.Invalid, "The app's bundle id is %.100q, but this AppKey belongs to %s. Use the PushConfig.plist of that app.", bundleID, app.BundleID)
	}
	if reg.InstallID, _, err = o.text("install_id"); err != nil {
		return reg, err
	}
	if reg.Secret, _, err = o.text("secret"); err != nil {
		return reg, err
	}
	platform, _, err := o.text("platform")
	if err != nil {
		return reg, err
	}
	reg.Platform = aurora.Platform(platform)
	profile, err := decodeProfile(o)
	if err != nil {
		return reg, err
	}
	reg.Profile = aurora.Profile{Channel: profile["channel"], AppVersion: profile["app_version"], OSVersion: profile["os_version"], Model: profile["model"], Language: profile["language"], TimeZone: profile["time_zone"]}
	reg.Change, err = decodeChange(o)
	reg.Change.Profile = nil
	return reg, err
}

func decodeProfile(o object) (map[string]string, error) {
	profile := map[string]string{}
	for _, key := range []string{"channel", "app_version", "os_version", "model", "language", "time_zone"} {
		if s, ok, err := o.text(key); err != nil {
			return nil, err
		} else if ok {
			profile[key] = s
		}
	}
	return profile, nil
}

// caller authenticates a device and checks that the path names it.
func (s *server) caller(r *http.Request) (aurora.Device, error) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		return aurora.Device{}, numbered{401, 7001, "No credentials were sent. Use HTTP Basic authentication with the registration id and the device's secret."}
	}
	d, err := s.Devices.Authenticate(r.Context(), id, secret)
	if err == nil && r.PathValue("id") != id {
		err = aurora.Errorf(aurora.Forbidden, "A device may ask and change only itself; the path names another registration id.")
	}
	if err == nil {
		s.Devices.Seen(r.Context(), d, registry.Online)
	}
	return d, err
}

// callerAndBody authenticates a device before it reads what it sent.
func (s *server) callerAndBody(r *http.Request) (d aurora.Device, o object, err error) {
	if d, err = s.caller(r); err == nil {
		o, err = deviceBody(r)
	}
	return d, o, err
}

// deviceAnswer is what a device may know of itself.
type deviceAnswer struct {
	RegistrationID string   `json:"registration_id"`
	Alias          string   `json:"alias"`
	Tags           []string `json:"tags"`
	Token          string   `json:"token"`
	Environment    string   `json:"environment"`
	Badge          int      `json:"badge"`
	PushEnabled    bool     `json:"push_enabled"`
}

// device is GET /v1/devices/{id}.
func (s *server) device(r *http.Request) (any, error) {
	d, err := s.caller(r)
	return deviceAnswer{d.RegistrationID, d.Alias, append([]string{}, d.Tags...), d.Token, d.Environment.String(), d.Badge, !d.PushDisabled}, err
}

// changeDevice is PATCH /v1/devices/{id}: what is given replaces what is stored.
func (s *server) changeDevice(r *http.Request) (any, error) {
	d, o, err := s.callerAndBody(r)
	if err != nil {
		return nil, err
	}
	c, err := decodeChange(o)
	if err != nil {
		return nil, err
	}
	s.Devices.Seen(r.Context(), d, registry.Active) // the SDK reports when its app is opened
	return empty{}, s.Devices.Apply(r.Context(), d.AppID, d.Number, c)
}

func decodeChange(o object) (c registry.Change, err error) {
	if token, ok, err := o.text("token"); err != nil {
		return c, err
	} else if ok {
		c.Token = &token
	}
	if text, ok, err := o.text("environment"); err != nil {
		return c, err
	} else if ok {
		env, err := aurora.ParseEnvironment(text)
		if err != nil {
			return c, err
		}
		c.Environment = &env
	}
	if alias, ok, err := o.text("alias"); err != nil {
		return c, err
	} else if ok {
		c.Alias = &alias
	}
	if mobile, ok, err := o.text("mobile"); err != nil {
		return c, err
	} else if ok {
		c.Mobile = &mobile
	}
	if enabled, ok, err := o.boolean("push_enabled"); err != nil {
		return c, err
	} else if ok {
		disabled := !enabled
		c.PushDisabled = &disabled
	}
	if allowed, ok, err := o.boolean("notifications_allowed"); err != nil {
		return c, err
	} else if ok {
		muted := !allowed
		c.Muted = &muted
	}
	if n, ok, err := o.integer("badge"); err != nil {
		return c, err
	} else if ok {
		badge := int(n)
		c.Badge = &badge
	}
	if c.Profile, err = decodeProfile(o); err != nil {
		return c, err
	}
	if err := decodeTokens(o, &c); err != nil {
		return c, err
	}
	return c, decodeTags(o, &c)
}

func decodeTags(o object, c *registry.Change) error {
	tags, ok, err := o.object("tags")
	if err != nil || !ok {
		return err
	}
	if set, ok, err := tags.texts("set"); err != nil {
		return err
	} else if ok {
		c.SetTags = &set
	}
	if c.AddTags, _, err = tags.texts("add"); err != nil {
		return err
	}
	c.RemoveTags, _, err = tags.texts("remove")
	return err
}

// receipts is POST /v1/devices/{id}/receipts. Repeating it changes nothing.
func (s *server) receipts(r *http.Request) (any, error) {
	d, o, err := s.callerAndBody(r)
	if err != nil {
		return nil, err
	}
	list, err := decodeReceipts(o)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(list, func(r aurora.Receipt) bool { return r.Event == aurora.OpenedEvent }) {
		s.Devices.Seen(r.Context(), d, registry.Active)
	}
	return empty{}, s.Reports.AddReceipts(r.Context(), d, list)
}
