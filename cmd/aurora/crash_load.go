package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
	"github.com/aurora-push/aurora/server"
	"github.com/aurora-push/aurora/simulator/iphone"
)

// crashLoad is everybody who uses the server while it is killed: phones,
// servers that send, and one simulated iPhone.
type crashLoad struct {
	c     *crash
	http  *http.Client
	phone *iphone.Phone

	ending  atomic.Bool // nothing new is begun
	counter atomic.Int64

	mu      sync.Mutex
	devices []crashDevice // that have a token
}

type crashDevice struct{ id, token string }

// baseDevices makes a push to all a broadcast: more than a handful.
const baseDevices = 4500

// moreDevices is how many register while the server is killed; then they
// report their tokens again and again.
const moreDevices = 3000

var crashSecret = strings.Repeat("s", 43)

func newCrashLoad(c *crash) *crashLoad {
	return &crashLoad{c: c, http: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

// registerBase registers devices before the first kill.
func (l *crashLoad) registerBase(ctx context.Context, s *server.Server) error {
	var wg sync.WaitGroup
	failures := make(chan error, registrars)
	l.devices = make([]crashDevice, baseDevices)
	for first := range registrars {
		wg.Go(func() {
			for i := first; i < baseDevices; i += registrars {
				d, err := registerBaseDevice(ctx, s, l.c.app.ID, i)
				if err != nil {
					failures <- err
					return
				}
				l.devices[i] = d
			}
		})
	}
	wg.Wait()
	close(failures)
	return <-failures
}

func registerBaseDevice(ctx context.Context, s *server.Server, app int64, i int) (d crashDevice, err error) {
	if d.id, err = s.Registry.Register(ctx, app, registry.Registration{InstallID: fmt.Sprintf("base-install-%d", i), Secret: crashSecret, Platform: aurora.IOS}); err != nil {
		return d, err
	}
	device, err := s.Registry.Authenticate(ctx, d.id, crashSecret)
	if err != nil {
		return d, err
	}
	token, env := benchToken(uint64(i)), aurora.Development
	d.token = token
	return d, s.Registry.Apply(ctx, app, device.Number, registry.Change{Token: &token, Environment: &env})
}

// installPhone switches a simulated iPhone on, with the app on its home screen,
// and waits until Aurora knows its token.
func (l *crashLoad) installPhone(ctx context.Context) error {
	l.phone = iphone.New(iphone.Config{ID: "crash-phone", Name: "Crash iPhone", Dial: iphone.DialCourier(l.c.apns.ManageURL()), Dir: filepath.Dir(l.c.config.Data), Permission: iphone.AutoAllow})
	plist := aurora.PushConfig{Channel: demoChannel, AppKey: l.c.app.Key, Server: "http://" + l.c.config.Listen}.Plist()
	if err := l.phone.Install(iphone.App{BundleID: demoBundleID, Name: demoAppName, Environment: aurora.Development.String(), PushConfig: plist}); err != nil {
		return err
	}
	l.phone.Start()
	if err := l.phone.Open(demoBundleID); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	_, err := l.phone.Wait(ctx, func(s iphone.State) bool {
		app, _ := s.App(demoBundleID)
		return app.RegistrationID != "" && app.Token != "" && app.Synced
	})
	l.phone.Home()
	return err
}

// start lets everybody work until finish; the returned function waits for them.
func (l *crashLoad) start(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	run := func(n int, pause time.Duration, once func(context.Context) error) {
		for range n {
			wg.Go(func() {
				for !l.ending.Load() && ctx.Err() == nil {
					if err := once(ctx); err != nil {
						return // the context ended
					}
					sleep(ctx, mathrand.N(2*pause+1))
				}
			})
		}
	}
	run(2, 5*time.Millisecond, l.register)
	run(6, 2*time.Millisecond, func(ctx context.Context) error { return l.push(ctx, 1) })
	run(1, 50*time.Millisecond, func(ctx context.Context) error { return l.push(ctx, 2+mathrand.IntN(40)) })
	run(1, 100*time.Millisecond, func(ctx context.Context) error { return l.push(ctx, 100) })
	run(1, 500*time.Millisecond, l.broadcast)
	run(1, 100*time.Millisecond, l.schedule)
	run(1, 50*time.Millisecond, l.pushToPhone)
	run(3, 2*time.Millisecond, l.report)
	return wg.Wait
}

// finish lets nobody begin anything new: what was begun is repeated until it
// is answered.
func (l *crashLoad) finish() { l.ending.Store(true) }

func (l *crashLoad) stop() { l.phone.Close() }

// call repeats a request until it is answered with 200. A server that was just
// killed refuses connections; a 503 and a 429 mean "not now". Anything else is
// noted as wrong, and not repeated.
func (l *crashLoad) call(ctx context.Context, method, path, user, password string, body any) (answer map[string]any, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	for {
		status, answer := l.once(ctx, method, path, user, password, text)
		switch {
		case status == http.StatusOK:
			return answer, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case status != 0 && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests:
			l.c.judge.wrong(fmt.Sprintf("%s %s: %d %v", method, path, status, answer))
			return nil, fmt.Errorf("%s %s: %d", method, path, status)
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// once sends a request; status 0 means that no whole answer came.
func (l *crashLoad) once(ctx context.Context, method, path, user, password string, body []byte) (status int, answer map[string]any) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+l.c.config.Listen+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	r.SetBasicAuth(user, password)
	resp, err := l.http.Do(r)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || json.Unmarshal(text, &answer) != nil {
		return 0, nil
	}
	return resp.StatusCode, answer
}

func (l *crashLoad) asServer(ctx context.Context, method, path string, body any) (map[string]any, error) {
	return l.call(ctx, method, path, l.c.app.Key, l.c.app.MasterSecret.Reveal(), body)
}

// register registers a device and reports its token.
func (l *crashLoad) register(ctx context.Context) error {
	n := int(l.counter.Add(1)) % moreDevices
	install, token := fmt.Sprintf("crash-install-%d", n), benchToken(uint64(1_000_000+n))
	answer, err := l.call(ctx, http.MethodPost, "/v1/devices", "", "", map[string]any{"app_key": l.c.app.Key, "install_id": install, "secret": crashSecret, "platform": "ios"})
	if err != nil {
		return err
	}
	id := text(answer["registration_id"])
	l.c.judge.registered(install, id, "")
	if _, err := l.call(ctx, http.MethodPatch, "/v1/devices/"+id, id, crashSecret, map[string]any{"token": token, "environment": "development", "tags": map[string]any{"add": []string{"crash"}}}); err != nil {
		return err
	}
	if fresh := l.c.judge.registered(install, id, token); fresh {
		l.mu.Lock()
		l.devices = append(l.devices, crashDevice{id, token})
		l.mu.Unlock()
	}
	return nil
}

func text(v any) string { s, _ := v.(string); return s }

// some draws different devices.
func (l *crashLoad) some(n int) []crashDevice {
	l.mu.Lock()
	defer l.mu.Unlock()
	drawn := make([]crashDevice, n)
	first, step := mathrand.IntN(len(l.devices)), 1+mathrand.IntN(len(l.devices)/n)
	for i := range drawn {
		drawn[i] = l.devices[(first+i*step)%len(l.devices)]
	}
	return drawn
}

func (l *crashLoad) cid() string {
	var b [16]byte
	rand.Read(b[:])
	return fmt.Sprintf("%s-%x-%x-%x-%x-%x", l.c.app.Key, b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func pushBody(audience any, cid string) map[string]any {
	return map[string]any{"platform": []string{"ios"}, "audience": audience, "notification": map[string]any{"ios": map[string]any{"alert": "survive"}}, "options": map[string]any{"apns_production": false}, "cid": cid}
}

// push sends to n devices by their registration ids.
func (l *crashLoad) push(ctx context.Context, n int) error {
	devices := l.some(n)
	ids, tokens := make([]string, n), make([]string, n)
	for i, d := range devices {
		ids[i], tokens[i] = d.id, d.token
	}
	answer, err := l.asServer(ctx, http.MethodPost, "/v3/push", pushBody(map[string]any{"registration_id": ids}, l.cid()))
	if err != nil {
		return err
	}
	l.c.judge.accepted(text(answer["msg_id"]), tokens, ids)
	return nil
}

// broadcast sends to all: at least to those that have a token now.
func (l *crashLoad) broadcast(ctx context.Context) error {
	l.mu.Lock()
	tokens := make([]string, len(l.devices))
	for i, d := range l.devices {
		tokens[i] = d.token
	}
	l.mu.Unlock()
	answer, err := l.asServer(ctx, http.MethodPost, "/v3/push", pushBody("all", l.cid()))
	if err != nil {
		return err
	}
	l.c.judge.accepted(text(answer["msg_id"]), tokens, nil)
	return nil
}

// schedule creates a schedule that fires one to three seconds from now.
func (l *crashLoad) schedule(ctx context.Context) error {
	d := l.some(1)[0]
	at := time.Now().Add(time.Second + mathrand.N(2*time.Second)).In(time.FixedZone("UTC+8", 8*3600))
	body := map[string]any{
		"cid": l.cid(), "name": "survive", "enabled": true, "trigger": map[string]any{"single": map[string]any{"time": at.Format(time.DateTime)}},
		"push": pushBody(map[string]any{"registration_id": []string{d.id}}, ""),
	}
	answer, err := l.scheduleOnce(ctx, body)
	if err != nil || answer == nil {
		return err
	}
	l.c.judge.scheduled(text(answer["schedule_id"]), d)
	return nil
}

// scheduleOnce is call, but for a time that has passed while the server was
// away: that is refused, and rightly.
func (l *crashLoad) scheduleOnce(ctx context.Context, body any) (map[string]any, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	for {
		status, answer := l.once(ctx, http.MethodPost, "/v3/schedules", l.c.app.Key, l.c.app.MasterSecret.Reveal(), text)
		switch status {
		case http.StatusOK:
			return answer, nil
		case http.StatusBadRequest:
			return nil, nil
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// pushToPhone sends to the simulated iPhone, once it is registered.
func (l *crashLoad) pushToPhone(ctx context.Context) error {
	app, _ := l.phone.State().App(demoBundleID)
	if app.RegistrationID == "" || app.Token == "" || !app.Synced {
		return sleep(ctx, 20*time.Millisecond)
	}
	answer, err := l.asServer(ctx, http.MethodPost, "/v3/push", pushBody(map[string]any{"registration_id": []string{app.RegistrationID}}, l.cid()))
	if err != nil {
		return err
	}
	l.c.judge.accepted(text(answer["msg_id"]), []string{app.Token}, nil)
	return nil
}

// report has a device report a message that it was targeted by.
func (l *crashLoad) report(ctx context.Context) error {
	message, device, ok := l.c.judge.somePush()
	if !ok {
		return sleep(ctx, 10*time.Millisecond)
	}
	event := []string{"received", "opened"}[mathrand.IntN(2)]
	_, err := l.call(ctx, http.MethodPost, "/v1/devices/"+device+"/receipts", device, crashSecret, map[string]any{"receipts": []any{map[string]any{"msg_id": message, "event": event}}})
	if err == nil {
		l.c.judge.reported(message, device, event)
	}
	return err
}
