package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/client"
	"github.com/aurora-push/aurora/registry"
)

// samples are what pages of the measured console are about.
type samples struct {
	app        string // AppKey
	broadcast  string // id of a message to everyone
	another    string // of one more
	single     string // of a message to the device
	device     string
	deviceName string // its alias
	token      string
}

// consoleAnswer is a page, a stream or a fragment; form is nil for GET.
type consoleAnswer struct {
	name, path string
	form       url.Values
}

// sampleID is the registration id of a device.
func sampleID(i int) string { return fmt.Sprintf("1a0018970%010x", i) }

// fill gives the app its devices and history, unless the folder has them from
// an earlier run.
func (o *consoleBench) fill(ctx context.Context) (samples, error) {
	s := samples{app: o.d.app.Key, device: sampleID(o.devices / 2), deviceName: fmt.Sprint("user", o.devices/2), token: benchToken(uint64(o.devices / 2))}
	if err := registerMissing(ctx, o.d, o.devices, false, importVaried); err != nil {
		return s, err
	}
	for name, expression := range map[string]string{"regulars": "vip && !seen>7d", "both coasts": "(tag-1 || tag-2) && lang:zh-Hans && version<2.3", "everyone but one": "!tag-999"} {
		if _, err := o.d.server.Registry.CreateSegment(ctx, o.d.app.ID, name, expression); err != nil && aurora.KindOf(err) != aurora.Conflict {
			return s, err
		}
	}
	c, err := restClient(o.d)
	if err != nil {
		return s, err
	}
	old, err := o.d.server.Ledger.Messages(ctx, o.d.app.ID, 0, 1)
	if err != nil {
		return s, err
	}
	if len(old) == 0 {
		if err := o.sendSingles(ctx, c); err != nil {
			return s, err
		}
	}
	for _, id := range []*string{&s.another, &s.broadcast} {
		receipt, err := c.Push(ctx, toEveryone)
		if err != nil {
			return s, err
		}
		if _, err := settled(ctx, c, receipt.MessageID); err != nil {
			return s, err
		}
		*id = receipt.MessageID
	}
	receipt, err := c.Push(ctx, sampleSingle(s.device, 77))
	if err != nil {
		return s, err
	}
	s.single = receipt.MessageID
	return s, o.use(ctx, s.broadcast)
}

// importVaried imports devices that differ, a thousandth of them in quarantine.
func importVaried(ctx context.Context, d *demo, devices int, _ bool) error {
	lines, file := io.Pipe()
	now := time.Now()
	go func() {
		w := bufio.NewWriterSize(file, 64<<10)
		fmt.Fprintln(w, "registration_id,token,environment,alias,tags,app_version,os_version,model,language,seen_at,registered_at,retired_reason,retired_at")
		for i := range devices {
			tags, retired, retiredAt := fmt.Sprintf("tag-%d,tag-%d", i%1000, (i*31+i/1000)%1000), "", ""
			if i%10 == 0 {
				tags += ",vip"
			}
			if i%1000 == 7 {
				retired, retiredAt = []string{"Unregistered", "BadDeviceToken", "ExpiredToken"}[i/1000%3], now.Add(-time.Duration(i%600)*time.Hour).Format(time.RFC3339)
			}
			fmt.Fprintf(w, "%s,%s,development,user%d,\"%s\",2.%d.%d,%d.%d,iPhone%d,%s,%s,%s,%s,%s\n", sampleID(i), benchToken(uint64(i)), i, tags, i%7, i%5, 15+i%4, i%3, 12+i%6,
				[]string{"zh-Hans", "en-US", "de-DE", "ja-JP"}[i%4], now.Add(-time.Duration(i%1000)*time.Hour).Format(time.RFC3339), now.Add(-time.Duration(1000+i%9000)*time.Hour).Format(time.RFC3339), retired, retiredAt)
		}
		file.CloseWithError(w.Flush())
	}()
	defer lines.Close()
	var refused error
	state, err := d.server.Registry.Import(ctx, d.app.ID, lines, registry.ImportOptions{Environment: aurora.Development, Rejected: func(r registry.Rejection) error {
		refused = fmt.Errorf("line %d: %s", r.Line, r.Reason)
		return nil
	}})
	if err == nil && state.Rejected > 0 {
		err = fmt.Errorf("%d of %d devices were refused: %w", state.Rejected, devices, refused)
	}
	return err
}

func sampleSingle(registrationID string, n int) client.Push {
	return client.Push{Audience: client.Audience{RegistrationID: []string{registrationID}}, Options: client.Options{Environment: client.Development},
		Notification: &client.Notification{IOS: &client.IOS{Alert: client.Text(fmt.Sprint("Order ", n, " is on its way"))}}}
}

// sendSingles sends pushes to one device each, to as many devices.
func (o *consoleBench) sendSingles(ctx context.Context, c *client.Client) error {
	var next atomic.Int64
	return atOnce(registrars, func() error {
		for {
			n := int(next.Add(1)) - 1
			if n >= o.messages {
				return nil
			}
			if _, err := c.Push(ctx, sampleSingle(sampleID(n*37%o.devices), n)); err != nil {
				return err
			}
		}
	})
}

// use has a tenth of the devices report a message, a third of them as opened,
// and as many be active today.
func (o *consoleBench) use(ctx context.Context, message string) error {
	id, err := aurora.ParseMessageID(message)
	if err != nil {
		return err
	}
	var next atomic.Int64
	return atOnce(1024, func() error {
		for {
			i := int(next.Add(1)) - 1
			if i >= o.devices/10 {
				return nil
			}
			d, err := o.d.server.Registry.Device(ctx, o.d.app.ID, sampleID(i*10))
			if err != nil {
				return err
			}
			event := aurora.ReceivedEvent
			if i%3 == 0 {
				event = aurora.OpenedEvent
			}
			if err := o.d.server.Ledger.AddReceipts(ctx, d, []aurora.Receipt{{MessageID: id, Event: event, At: time.Now()}}); err != nil {
				return err
			}
			o.d.server.Registry.Seen(ctx, d, registry.Active)
		}
	})
}

// atOnce runs as many calls at the same time and returns their errors.
func atOnce(n int, call func() error) error {
	var wg sync.WaitGroup
	failures := make([]error, n)
	for i := range n {
		wg.Go(func() { failures[i] = call() })
	}
	wg.Wait()
	return errors.Join(failures...)
}

// answers are all that a person can ask the console for about an app, apart
// from what changes something.
func (s samples) answers() []consoleAnswer {
	app, message, single := "/apps/"+s.app, "/messages/"+s.broadcast, "/messages/"+s.single
	var list []consoleAnswer
	for _, path := range []string{"/apps", "/apps/new", "/groups", "/team", "/security", "/audit", "/audit/audit.csv", "/system"} {
		list = append(list, consoleAnswer{name: path, path: path})
	}
	for _, path := range []string{
		"", "/live", "/keys", "/credential", "/access", "/webhooks", "/segments", "/schedules", "/approvals",
		"/send", "/send?from=" + s.broadcast,
		"/messages", "/messages/live", "/messages?before=" + s.another, "/messages?q=" + s.single, "/messages?q=Order+77+is", "/messages?q=occurs+nowhere", "/messages?source=console",
		"/messages/compare?id=" + s.broadcast + "&id=" + s.another + "&id=" + s.single,
		message, message + "/live", single, single + "/live",
		message + "/devices?with=targeted", message + "/devices?with=accepted&after=700000", message + "/devices?with=accepted&without=received", message + "/devices?with=received&without=opened", message + "/devices?with=opened&without=accepted",
		"/devices", "/devices/live", fmt.Sprint("/devices?before=", 500_000), "/devices?q=" + s.device, "/devices?q=" + s.deviceName, "/devices?q=" + s.token, "/devices?q=vip", "/devices?q=tag-17", "/devices?q=nobody",
		"/devices/" + s.device, "/devices/" + s.device + "/live", "/devices/" + s.device + message, "/devices/" + s.device + message + "/live",
		"/quarantine", "/quarantine?reason=ExpiredToken", "/quarantine?reason=BadDeviceToken&since=2020-01-01",
		"/reports?span=hours", "/reports?span=days", "/reports?span=months", "/reports/devices.csv?span=days", "/reports/pushes.csv?span=days",
		"/reports/versions?by=version&span=hours", "/reports/versions?by=version&span=days", "/reports/versions?by=version&span=months", "/reports/versions?by=system&span=days", "/reports/versions?by=version&span=days&csv=pushes",
	} {
		list = append(list, consoleAnswer{name: strings.NewReplacer(s.broadcast, "TO-ALL", s.another, "BEFORE", s.single, "SINGLE", s.device, "DEVICE", s.token, "TOKEN").Replace("APP" + path), path: app + path})
	}
	draft := url.Values{"title": {"Gate change"}, "body": {"Now B12"}, "environment": {"development"}, "badge": {"+1"}, "when": {"now"}, "cid": {"bench"}}
	for name, who := range map[string]url.Values{
		"everyone":      {"audience": {"all"}},
		"two tags":      {"audience": {"chosen"}, "tag": {"tag-1, tag-2, vip"}, "tag_not": {"tag-3"}},
		"an alias":      {"audience": {"chosen"}, "alias": {s.deviceName}},
		"an expression": {"audience": {"expression"}, "expression": {"vip && (tag-10 || !tag-20) && !seen>30d && version>=2.1 && lang:zh-Hans"}},
	} {
		maps.Copy(who, draft)
		list = append(list, consoleAnswer{"the preview for " + name, app + "/send/preview", who}, consoleAnswer{"the confirmation for " + name, app + "/send/confirm", who})
	}
	return list
}
