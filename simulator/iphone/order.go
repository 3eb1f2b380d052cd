package iphone

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// order is what a control is told; each action reads its own fields.
type order struct {
	BundleID   string          `json:"bundle_id"`
	On         bool            `json:"on"`
	Allow      bool            `json:"allow"`
	Permission Permission      `json:"permission"`
	Style      AlertStyle      `json:"style"`
	ID         string          `json:"id"`
	Action     string          `json:"action"`
	Text       string          `json:"text"`
	Alias      string          `json:"alias"`
	Tags       []string        `json:"tags"`
	Focus      Focus           `json:"focus"`
	Settings   *Settings       `json:"settings"`
	Build      *Build          `json:"build"`
	Type       string          `json:"type"`
	ChannelID  string          `json:"channel_id"`
	State      json.RawMessage `json:"state"`
}

// actions are the controls by the last part of their URL.
var actions = map[string]func(*Phone, order) error{
	"lock":        func(p *Phone, _ order) error { p.Lock(); return nil },
	"unlock":      func(p *Phone, _ order) error { p.Unlock(); return nil },
	"home":        func(p *Phone, _ order) error { p.Home(); return nil },
	"open":        func(p *Phone, o order) error { return p.Open(o.BundleID) },
	"kill":        func(p *Phone, o order) error { return p.Kill(o.BundleID) },
	"terminate":   func(p *Phone, o order) error { return p.Terminate(o.BundleID) },
	"airplane":    func(p *Phone, o order) error { p.SetAirplane(o.On); return nil },
	"low-power":   func(p *Phone, o order) error { p.SetLowPower(o.On); return nil },
	"mute":        func(p *Phone, o order) error { p.SetMuted(o.On); return nil },
	"focus":       func(p *Phone, o order) error { p.SetFocus(o.Focus); return nil },
	"permission":  setPermission,
	"style":       func(p *Phone, o order) error { return p.SetAlertStyle(o.Style) },
	"settings":    setSettings,
	"update":      update,
	"tap":         func(p *Phone, o order) error { return p.Tap(o.ID) },
	"act":         func(p *Phone, o order) error { return p.Act(o.ID, o.Action, o.Text) },
	"dismiss":     func(p *Phone, o order) error { return p.Dismiss(o.ID) },
	"close-alert": func(p *Phone, _ order) error { return p.CloseAlert() },
	"view-alert":  func(p *Phone, _ order) error { return p.ViewAlert() },
	"clear":       func(p *Phone, _ order) error { p.ClearNotifications(); return nil },
	"alias":       func(p *Phone, o order) error { return p.SetAlias(o.BundleID, o.Alias) },
	"tags":        func(p *Phone, o order) error { return p.SetTags(o.BundleID, o.Tags) },
	"rotate":      func(p *Phone, o order) error { return p.RotateToken(o.BundleID) },
	"reinstall":   func(p *Phone, o order) error { return p.Reinstall(o.BundleID) },
	"answer-call": func(p *Phone, o order) error { return p.AnswerCall(o.ID) },
	"end-call":    func(p *Phone, o order) error { return p.EndCall(o.ID) },
	"activity":    func(p *Phone, o order) error { return p.StartActivity(o.BundleID, o.Type, o.ChannelID, o.State) },
}

// setPermission answers the question on the screen, or names an app and one of the settings.
func setPermission(p *Phone, o order) error {
	if o.Permission != "" {
		return p.SetPermission(o.BundleID, o.Permission)
	}
	p.AnswerPermission(o.Allow)
	return nil
}

func setSettings(p *Phone, o order) error {
	if o.Settings == nil {
		return errors.New("iphone: settings are missing; send all of them")
	}
	return p.SetSettings(o.BundleID, *o.Settings)
}

func update(p *Phone, o order) error {
	if o.Build == nil {
		return errors.New("iphone: the build is missing; send all of it, as the state shows it")
	}
	return p.Update(o.BundleID, *o.Build)
}

func (p *Phone) serveControl(w http.ResponseWriter, r *http.Request) {
	action := actions[r.PathValue("action")]
	if action == nil {
		answerError(w, http.StatusNotFound, fmt.Errorf("the phone has no control %.40q", r.PathValue("action")))
		return
	}
	var o order
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o); err != nil {
		answerError(w, http.StatusBadRequest, fmt.Errorf("send a JSON object, {} at least: %w", err))
		return
	}
	if err := action(p, o); err != nil {
		answerError(w, http.StatusConflict, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
