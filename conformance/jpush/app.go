package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aurora-push/aurora/simulator/iphone"
)

// app is an app of one client, with a phone on each side of APNs.
type app struct {
	key, secret string
	// The account's developer key, and a group that the app alone is in.
	devKey, devSecret, groupKey, groupSecret string
	bundleID                                 string
	production                               *phone
	development                              *phone
}

// phone is a simulated iPhone on which the app is installed and allowed.
type phone struct {
	*iphone.Phone
	bundleID       string
	token          string
	registrationID string
	environment    string
}

func (i *installation) newApp(ctx context.Context, name string) (*app, error) {
	a := &app{bundleID: "com.example." + name}
	out, err := i.command(ctx, "", "app", "create", "--data", "data", "--account", owner, "--name", name, "--bundle-id", a.bundleID)
	if err != nil {
		return nil, err
	}
	var made struct {
		Key    string `json:"app_key"`
		Secret string `json:"master_secret"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return nil, err
	}
	a.key, a.secret, a.devKey, a.devSecret = made.Key, made.Secret, i.devKey, i.devSecret
	if err := i.newGroup(ctx, a, name); err != nil {
		return nil, err
	}
	if _, err := i.command(ctx, "", "apns", "issue", "--data", "apns", "--bundle-id", a.bundleID, "--p12", name+".p12", "--password", "secret"); err != nil {
		return nil, err
	}
	if _, err := i.command(ctx, "", "app", "credential", "--data", "data", "--app", a.key, "--password", "secret", name+".p12"); err != nil {
		return nil, err
	}
	if err := i.newKey(ctx, a, name); err != nil {
		return nil, err
	}
	if a.production, err = i.newPhone(ctx, a, name, "production"); err != nil {
		return nil, err
	}
	a.development, err = i.newPhone(ctx, a, name, "development")
	return a, err
}

// newKey gives the app a .p8 key for development beside its certificate: APNs takes
// live activities from senders with a key only.
func (i *installation) newKey(ctx context.Context, a *app, name string) error {
	out, err := i.command(ctx, "", "apns", "issue", "--data", "apns", "--bundle-id", a.bundleID, "--p8", name+".p8")
	if err != nil {
		return err
	}
	var made struct {
		Key  string `json:"key_id"`
		Team string `json:"team_id"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return err
	}
	_, err = i.command(ctx, "", "app", "credential", "--data", "data", "--app", a.key, "--environment", "development", "--key-id", made.Key, "--team-id", made.Team, name+".p8")
	return err
}

// newGroup makes a group of the app alone.
func (i *installation) newGroup(ctx context.Context, a *app, name string) error {
	out, err := i.command(ctx, "", "group", "create", "--data", "data", "--account", owner, "--name", name)
	if err != nil {
		return err
	}
	var made struct {
		Key    string `json:"group_key"`
		Secret string `json:"group_secret"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return err
	}
	a.groupKey, a.groupSecret = made.Key, made.Secret
	_, err = i.command(ctx, "", "group", "add", "--data", "data", "--account", owner, "--group", a.groupKey, "--app", a.key)
	return err
}

func (i *installation) newPhone(ctx context.Context, a *app, name, environment string) (*phone, error) {
	p := &phone{Phone: iphone.New(iphone.Config{ID: name + "-" + environment, Dial: iphone.DialCourier(i.manage), Permission: iphone.AutoAllow, Unthrottled: true}), bundleID: a.bundleID, environment: environment}
	plist := fmt.Sprintf(`<plist version="1.0"><dict><key>CHANNEL</key><string>conformance</string><key>APP_KEY</key><string>%s</string><key>APS_FOR_PRODUCTION</key><string>%d</string></dict></plist>`, a.key, map[string]int{"production": 1}[environment])
	build := iphone.DefaultBuild()
	build.LiveActivities = true
	if err := p.Install(iphone.App{BundleID: a.bundleID, Environment: environment, PushConfig: []byte(plist), Server: i.url, Build: &build}); err != nil {
		p.Close()
		return nil, err
	}
	p.Start()
	if err := p.Open(a.bundleID); err != nil {
		p.Close()
		return nil, err
	}
	st, err := p.see(ctx, func(st iphone.State) bool {
		s, _ := st.App(a.bundleID)
		return s.Permission == iphone.Allowed && s.Token != "" && s.RegistrationID != "" && s.Synced
	})
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("the %s phone does not register: %w", environment, err)
	}
	s, _ := st.App(a.bundleID)
	p.token, p.registrationID = s.Token, s.RegistrationID
	p.Home() // so that notifications are shown, not handed to the app alone
	return p, nil
}

// see waits for the phone to look as wanted.
func (p *phone) see(ctx context.Context, wanted func(iphone.State) bool) (iphone.State, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return p.Wait(ctx, wanted)
}

func (p *phone) badge() int {
	s, _ := p.State().App(p.bundleID)
	return s.Badge
}

func (a *app) close() {
	a.production.Close()
	a.development.Close()
}
