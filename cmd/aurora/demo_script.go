package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/aurora-push/aurora"
	localapns "github.com/aurora-push/aurora/simulator/apns"
	"github.com/aurora-push/aurora/simulator/iphone"
)

// stepTime bounds how long the script waits for one observation.
const stepTime = 10 * time.Second

// runScript walks steps A to G for each state of the app, with a development
// and a production credential. Every line says what was seen at the far end:
// on the phone, in the local APNs's log, in Aurora's report.
func runScript(ctx context.Context, out io.Writer, logger *slog.Logger) error {
	begin := time.Now()
	d, err := startDemo(ctx, "127.0.0.1:0", "", func(*demo) (http.Handler, error) { return nil, nil }, logger)
	if err != nil {
		return err
	}
	err = walkEnvironments(ctx, out, d)
	if err = errors.Join(err, d.stop()); err != nil {
		return err
	}
	fmt.Fprintf(out, "All steps were observed, in %.1f s.\n", time.Since(begin).Seconds())
	return nil
}

func walkEnvironments(ctx context.Context, out io.Writer, d *demo) error {
	for _, env := range []aurora.Environment{aurora.Development, aurora.Production} {
		fmt.Fprintf(out, "\n== %s ==\n", env)
		s := &script{ctx: ctx, out: out, demo: d, env: env}
		if err := s.walk(); err != nil {
			return fmt.Errorf("%s: %w", env, err)
		}
	}
	return nil
}

// script is the walk in one environment.
type script struct {
	ctx   context.Context
	out   io.Writer
	demo  *demo
	env   aurora.Environment
	phone *iphone.Phone
	app   iphone.AppState
}

func (s *script) say(step, format string, args ...any) {
	fmt.Fprintf(s.out, "%-2s %s\n", step, fmt.Sprintf(format, args...))
}

func (s *script) walk() error {
	slots, err := s.demo.issue(s.ctx, s.env == aurora.Development, s.env == aurora.Production)
	if err != nil {
		return err
	}
	days, _ := slots[0].DaysLeft(time.Now())
	s.say("", "credential %q: validated by APNs for %s, topic %s, %d days left", slots[0].Name, slots[0].Environment, slots[0].Topic, days)
	if err := s.register(); err != nil {
		return err
	}
	for _, scene := range []func() error{s.foreground, s.background, s.classicAlert, s.locked, s.inApp} {
		if err := scene(); err != nil {
			return err
		}
	}
	return nil
}

// register walks A, B and C.
func (s *script) register() (err error) {
	if s.phone, err = s.demo.newPhone("iphone-"+s.env.String(), "Script iPhone", iphone.AutoAllow); err != nil {
		return err
	}
	if err := s.demo.install(s.phone, s.env); err != nil {
		return err
	}
	s.phone.Start()
	if err := s.phone.Open(s.demo.app.BundleID); err != nil {
		return err
	}
	if _, err := s.see("the app asking for push and being allowed", func(st iphone.State) bool { return s.on(st).Permission == iphone.Allowed }); err != nil {
		return err
	}
	s.say("A", "the app registers for remote notifications; permission is allowed")
	if _, err := s.see("a device token", func(st iphone.State) bool { return s.on(st).Token != "" }); err != nil {
		return err
	}
	s.say("B", "APNs gave the app the %s token %.8s…", s.env, s.app.Token)
	if _, err := s.see("the token reaching Aurora", func(st iphone.State) bool { a := s.on(st); return a.RegistrationID != "" && a.Synced }); err != nil {
		return err
	}
	d, err := s.demo.server.Registry.Device(s.ctx, s.demo.app.ID, s.app.RegistrationID)
	if err != nil {
		return err
	}
	if d.Token != s.app.Token || d.Environment != s.env {
		return fmt.Errorf("the device has token %.8s… (%v) at Aurora, but %.8s… (%v) on the phone", d.Token, d.Environment, s.app.Token, s.env)
	}
	s.say("C", "Aurora knows the device as %s, number %d, with that token", d.RegistrationID, d.Number)
	return nil
}

func (s *script) on(st iphone.State) iphone.AppState {
	s.app, _ = st.App(s.demo.app.BundleID)
	return s.app
}

// see waits for the phone to look as wanted.
func (s *script) see(what string, wanted func(iphone.State) bool) (iphone.State, error) {
	ctx, cancel := context.WithTimeout(s.ctx, stepTime)
	defer cancel()
	st, err := s.phone.Wait(ctx, wanted)
	if err != nil {
		return st, fmt.Errorf("not observed within %v: %s; the phone's last lines: %v", stepTime, what, lastLines(st))
	}
	return st, nil
}

func lastLines(st iphone.State) (lines []string) {
	for _, e := range st.Log[max(0, len(st.Log)-6):] {
		lines = append(lines, e.Who+": "+e.Text)
	}
	return lines
}

func (s *script) foreground() error {
	fmt.Fprintln(s.out, "-- app in the foreground")
	before := s.phone.State()
	id, err := s.push("Foreground")
	if err != nil {
		return err
	}
	st, err := s.see("the delegate receiving the payload", func(st iphone.State) bool { return s.received(st, id, iphone.ViaForeground) })
	if err != nil {
		return err
	}
	if st.Banner != nil || st.Alert != nil || st.SoundsPlayed != before.SoundsPlayed {
		return errors.New("the phone showed or played something although the app is in the foreground")
	}
	s.say("F", "the app's delegate got the payload; nothing on the screen, no sound")
	return s.report(id, 0)
}

func (s *script) background() error {
	fmt.Fprintln(s.out, "-- app in the background, banner")
	s.phone.Home()
	before := s.phone.State()
	id, err := s.push("Background")
	if err != nil {
		return err
	}
	st, err := s.see("a banner with sound and badge", func(st iphone.State) bool {
		return st.Banner != nil && st.Banner.MessageID == id && st.SoundsPlayed == before.SoundsPlayed+1 && s.on(st).Badge > 0
	})
	if err != nil {
		return err
	}
	s.say("F", "banner %q, sound %q, badge %d", st.Banner.Body, st.Banner.Sound, s.app.Badge)
	if err := s.phone.Tap(st.Banner.ID); err != nil {
		return err
	}
	return s.opened(id, "tapping it")
}

func (s *script) classicAlert() error {
	fmt.Fprintln(s.out, "-- app in the background, alert with Close and View")
	if err := s.phone.SetAlertStyle(iphone.Alert); err != nil {
		return err
	}
	defer s.phone.SetAlertStyle(iphone.Banner)
	s.phone.Home()
	closed, err := s.push("To be closed")
	if err != nil {
		return err
	}
	shown := func(id string) func(iphone.State) bool {
		return func(st iphone.State) bool { return st.Alert != nil && st.Alert.MessageID == id }
	}
	if _, err := s.see("the alert", shown(closed)); err != nil {
		return err
	}
	if err := s.phone.CloseAlert(); err != nil {
		return err
	}
	id, err := s.push("To be viewed")
	if err != nil {
		return err
	}
	st, err := s.see("the second alert", shown(id))
	if err != nil {
		return err
	}
	if s.received(st, closed, iphone.ViaOpened) {
		return errors.New("the app heard of the alert that was closed")
	}
	s.say("F", "alert %q; of the one before, closed by Close, the app never heard", st.Alert.Body)
	if err := s.phone.ViewAlert(); err != nil {
		return err
	}
	return s.opened(id, "View")
}

func (s *script) locked() error {
	fmt.Fprintln(s.out, "-- phone locked")
	s.phone.Home()
	s.phone.Lock()
	before := s.phone.State()
	id, err := s.push("Locked")
	if err != nil {
		return err
	}
	st, err := s.see("an entry on the lock screen with sound", func(st iphone.State) bool {
		return len(st.LockScreen) > 0 && st.LockScreen[0].MessageID == id && st.SoundsPlayed == before.SoundsPlayed+1
	})
	if err != nil {
		return err
	}
	s.say("F", "lock screen entry %q, sound %q", st.LockScreen[0].Body, st.LockScreen[0].Sound)
	if err := s.phone.Tap(st.LockScreen[0].ID); err != nil {
		return err
	}
	return s.opened(id, "unlocking through it")
}

func (s *script) received(st iphone.State, id string, via iphone.Via) bool {
	for _, m := range s.on(st).Messages {
		if m.MessageID == id && m.Via == via {
			return true
		}
	}
	return false
}

// opened waits for the app to come up with the payload, and for the receipts.
func (s *script) opened(id, how string) error {
	if _, err := s.see("the app opened with the payload", func(st iphone.State) bool {
		return st.Screen == "app" && !st.Locked && s.received(st, id, iphone.ViaOpened)
	}); err != nil {
		return err
	}
	s.say("F", "%s opened the app with the payload", how)
	return s.report(id, 1)
}

// push walks D and E: one REST call, and what the local APNs saw of it.
func (s *script) push(alert string) (id string, err error) {
	body, err := json.Marshal(map[string]any{
		"platform":     []string{"ios"},
		"audience":     map[string]any{"registration_id": []string{s.app.RegistrationID}},
		"notification": map[string]any{"ios": map[string]any{"alert": alert, "sound": "default", "badge": "+1", "extras": map[string]any{"from": "script"}}},
		"options":      map[string]any{"apns_production": s.env == aurora.Production},
	})
	if err != nil {
		return "", err
	}
	var answer struct {
		MessageID string `json:"msg_id"`
	}
	if err := s.call(http.MethodPost, s.demo.server.URL()+"/v3/push", body, &answer); err != nil {
		return "", err
	}
	s.say("D", "POST /v3/push accepted: msg_id %s", answer.MessageID)
	deadline := time.Now().Add(stepTime)
	for {
		var seen []localapns.Notification
		if err := s.call(http.MethodGet, s.demo.apns.ManageURL()+"/v1/notifications?token="+url.QueryEscape(s.app.Token), nil, &seen); err != nil {
			return "", err
		}
		for _, n := range seen {
			if n.CollapseID == answer.MessageID && n.Status == http.StatusOK {
				s.say("E", "APNs (%v) took it: apns-id %s, topic %s, priority %d", n.Environment, n.APNsID, n.Topic, n.Priority)
				return answer.MessageID, nil
			}
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("not observed within %v: message %s at the local APNs", stepTime, answer.MessageID)
		}
		if err := sleep(s.ctx, 20*time.Millisecond); err != nil {
			return "", err
		}
	}
}

// report walks G: what GET /v3/received and the ledger know.
func (s *script) report(id string, opened uint64) error {
	mid, err := aurora.ParseMessageID(id)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(stepTime)
	for {
		var items []struct {
			Sent     *uint64 `json:"ios_apns_sent"`
			Received *uint64 `json:"ios_apns_received"`
		}
		if err := s.call(http.MethodGet, s.demo.server.URL()+"/v3/received?msg_ids="+id, nil, &items); err != nil {
			return err
		}
		r, err := s.demo.server.Ledger.Report(s.ctx, s.demo.app.ID, mid)
		if err != nil {
			return err
		}
		if len(items) == 1 && items[0].Sent != nil && *items[0].Sent == 1 && items[0].Received != nil && *items[0].Received == 1 && r.Opened == opened {
			s.say("G", "on record: targeted %d, accepted %d, received %d, opened %d", r.Targeted, r.Accepted, r.Received, r.Opened)
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not observed within %v: the receipts of %s (accepted %d, received %d, opened %d)", stepTime, id, r.Accepted, r.Received, r.Opened)
		}
		if err := sleep(s.ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func (s *script) call(method, to string, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(s.ctx, stepTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.SetBasicAuth(s.demo.app.Key, s.demo.app.MasterSecret.Reveal())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, to, resp.Status, text)
	}
	return json.Unmarshal(text, into)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
