package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/client"
	"github.com/aurora-push/aurora/registry"
)

// setUpExamples makes what the examples find: an app with two iPhones, ann's and
// bob's, both tagged vip.
func setUpExamples(p *place) error {
	ctx := context.Background()
	app, err := p.newApp(ctx)
	if err != nil {
		return err
	}
	for _, name := range []string{"ann", "bob"} {
		id, err := p.newDevice(ctx, app)
		if err != nil {
			return err
		}
		d, err := p.server.Registry.Device(ctx, app.ID, id)
		if err != nil {
			return err
		}
		if err := p.server.Registry.Apply(ctx, app.ID, d.Number, registry.Change{Token: new(fmt.Sprintf("%060x%04x", 1, d.Number)), Environment: new(aurora.Production), Alias: &name, AddTags: []string{"vip"}}); err != nil {
			return err
		}
		os.Setenv("AURORA_DEVICE", id) // bob's
	}
	for name, value := range map[string]string{
		"AURORA_SERVER": p.server.URL(), "AURORA_APP_KEY": app.Key, "AURORA_MASTER_SECRET": app.MasterSecret.Reveal(),
		"AURORA_DEV_KEY": p.devKey, "AURORA_DEV_SECRET": p.secret,
	} {
		os.Setenv(name, value)
	}
	return nil
}

// connect makes the client of the examples; a program has one.
func connect() *client.Client {
	c, err := client.New(client.Config{
		Server:       os.Getenv("AURORA_SERVER"), // such as https://push.example.com
		AppKey:       os.Getenv("AURORA_APP_KEY"),
		MasterSecret: os.Getenv("AURORA_MASTER_SECRET"),
	})
	if err != nil {
		log.Fatal(err)
	}
	return c
}

// A push, and what became of it.
func Example() {
	c, err := client.New(client.Config{
		Server:       os.Getenv("AURORA_SERVER"), // such as https://push.example.com
		AppKey:       os.Getenv("AURORA_APP_KEY"),
		MasterSecret: os.Getenv("AURORA_MASTER_SECRET"),
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	receipt, err := c.Push(ctx, client.Push{
		Audience:     client.Audience{Tag: []string{"vip"}},
		Notification: &client.Notification{Alert: client.Alert{Title: "Gate change", Body: "Now B12"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	report, err := c.Wait(ctx, receipt.MessageID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Targeted, "targeted,", report.Accepted, "taken by APNs")
	// Output: 2 targeted, 2 taken by APNs
}

// What only iPhones get, and options.
func ExampleClient_Push() {
	receipt, err := connect().Push(context.Background(), client.Push{
		Platforms: []client.Platform{client.IOSPlatform},
		Audience:  client.Audience{Alias: []string{"ann"}},
		Notification: &client.Notification{IOS: &client.IOS{
			Alert:             client.Text("Your taxi is here"),
			Sound:             client.DefaultSound,
			Badge:             client.AddBadge(1),
			InterruptionLevel: client.TimeSensitive,
			MutableContent:    true,
			Extras:            map[string]any{"ride": 4711},
		}},
		Options: client.Options{TimeToLive: new(5 * time.Minute), CollapseID: "ride-4711"},
	})
	fmt.Println(receipt.MessageID != "", err)
	// Output: true <nil>
}

// A push that is harmless to repeat after a crash of your own process: its cid is
// stored with the work to do.
func ExampleClient_NewCID() {
	c := connect()
	p := client.Push{Audience: client.Audience{All: true}, Notification: &client.Notification{Alert: client.Text("Once")}, CID: c.NewCID()}
	first, err := c.Push(context.Background(), p)
	if err != nil {
		log.Fatal(err)
	}
	again, err := c.Push(context.Background(), p)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(first.MessageID == again.MessageID)
	// Output: true
}

// What to do about a refusal.
func ExampleError() {
	_, err := connect().Push(context.Background(), client.Push{
		Audience:     client.Audience{Tag: []string{"nobody"}},
		Notification: &client.Notification{Alert: client.Text("Hello")},
	})
	switch {
	case errors.Is(err, client.ErrNoTarget):
		fmt.Println("nobody has the tag")
	case errors.Is(err, client.ErrTooMany):
		if e, ok := errors.AsType[*client.Error](err); ok {
			fmt.Println("come again in", e.RetryAfter)
		}
	case err != nil:
		log.Fatal(err) // a sentence that says what is wrong and what to do
	}
	// Output: nobody has the tag
}

// Whom a push would reach, before it is sent.
func ExampleClient_Validate() {
	reach, err := connect().Validate(context.Background(), client.Push{
		Audience:     client.Audience{Tag: []string{"vip"}},
		Notification: &client.Notification{Alert: client.Text("Hello")},
		Options:      client.Options{Environment: client.Development},
	})
	fmt.Println(reach.Targeted, "selected,", reach.Reachable, "reachable,", reach.Dropped.WrongEnvironment, "in the other environment", err)
	// Output: 2 selected, 0 reachable, 2 in the other environment <nil>
}

// Login codes, as many as there are, in constant memory.
func ExampleClient_Batch() {
	codes := map[string]string{"ann": "123456", "bob": "654321", "eve": "000000"}
	pushes := func(yield func(client.Single) bool) {
		for alias, code := range codes {
			if !yield(client.Single{Alias: alias, Notification: &client.Notification{Alert: client.Text("Your code is " + code)}}) {
				return
			}
		}
	}
	sent := 0
	for r := range connect().Batch(context.Background(), pushes, client.BatchOptions{}) {
		switch {
		case errors.Is(r.Err, client.ErrNoTarget):
			fmt.Println("nobody is", r.Single.Alias)
		case r.Err != nil:
			log.Fatal(r.Err)
		default:
			sent++
		}
	}
	fmt.Println(sent, "sent")
	// Unordered output:
	// nobody is eve
	// 2 sent
}

// Why one phone did not get it, or did.
func ExampleClient_Timeline() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c := connect()
	receipt, err := c.Push(ctx, client.Push{
		Audience:     client.Audience{All: true},
		Notification: &client.Notification{Alert: client.Text("Hello")},
		Options:      client.Options{Environment: client.Development}, // where the device has no token
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Wait(ctx, receipt.MessageID); err != nil {
		log.Fatal(err)
	}
	steps, err := c.Timeline(ctx, receipt.MessageID, os.Getenv("AURORA_DEVICE"))
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range steps {
		fmt.Println(s.Name+":", s.State)
	}
	// Output:
	// Registered: done
	// Accepted by Aurora: done
	// Selected: done
	// Environment: broken
}

// Who received a message and did not come.
func ExampleClient_MessageDevices() {
	ctx := context.Background()
	c := connect()
	receipt, err := c.Push(ctx, client.Push{Audience: client.Audience{All: true}, Notification: &client.Notification{Alert: client.Text("Hello")}})
	if err != nil {
		log.Fatal(err)
	}
	n := 0
	for id, err := range c.MessageDevices(ctx, receipt.MessageID, client.Received, client.Opened) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(id)
		n++
	}
	fmt.Println(n, "devices")
	// Output: 0 devices
}

// Every weekday but Friday at half past nine, UTC+8.
func ExampleClient_CreateSchedule() {
	ctx := context.Background()
	c := connect()
	start := time.Now().Add(time.Hour)
	id, err := c.CreateSchedule(ctx, client.NewSchedule{
		Name: "stand-up",
		Trigger: client.Trigger{Every: &client.Every{
			Start: start, End: start.AddDate(0, 6, 0),
			Clock: 9*time.Hour + 30*time.Minute, Unit: client.Week, Points: []string{"MON", "TUE", "WED", "THU"},
		}},
		Push: client.Push{Audience: client.Audience{Tag: []string{"team"}}, Notification: &client.Notification{Alert: client.Text("Stand-up")}},
	})
	if err != nil {
		log.Fatal(err)
	}
	paused, err := c.ChangeSchedule(ctx, id, client.ScheduleChange{Enabled: new(false)})
	fmt.Println(paused.Name, paused.Enabled, err)
	// Output: stand-up false <nil>
}

// A list that was made elsewhere.
func ExampleClient_PushFile() {
	ctx := context.Background()
	c := connect()
	id, err := c.UploadAliases(ctx, "winners.txt", strings.NewReader("ann\nbob\n"), 24*time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := c.PushFile(ctx, id, client.Push{Notification: &client.Notification{Alert: client.Text("You have won")}})
	fmt.Println(receipt.MessageID != "", err)
	// Output: true <nil>
}

// Tags of a device, set by a server.
func ExampleClient_ChangeLabels() {
	ctx := context.Background()
	c := connect()
	device := os.Getenv("AURORA_DEVICE")
	if err := c.ChangeLabels(ctx, device, client.LabelChange{AddTags: []string{"beta"}}); err != nil {
		log.Fatal(err)
	}
	labels, err := c.Labels(ctx, device)
	fmt.Println(labels.Tags, labels.Alias, err)
	// Output: [beta vip] bob <nil>
}

// A key for a program that only sends.
func ExampleClient_CreateKey() {
	ctx := context.Background()
	key, err := connect().CreateKey(ctx, client.NewKey{Name: "checkout", Scopes: []client.Scope{client.PushScope}})
	if err != nil {
		log.Fatal(err)
	}
	sender, err := client.New(client.Config{Server: os.Getenv("AURORA_SERVER"), AppKey: os.Getenv("AURORA_APP_KEY"), APIKey: key.Secret})
	if err != nil {
		log.Fatal(err)
	}
	_, err = sender.Tags(ctx)
	fmt.Println(errors.Is(err, client.ErrForbidden))
	// Output: true
}

// An app for a new customer, with its certificate.
func ExampleDeveloper_CreateApp() {
	ctx := context.Background()
	d, err := client.NewDeveloper(client.DeveloperConfig{Server: os.Getenv("AURORA_SERVER"), DevKey: os.Getenv("AURORA_DEV_KEY"), DevSecret: os.Getenv("AURORA_DEV_SECRET")})
	if err != nil {
		log.Fatal(err)
	}
	app, err := d.CreateApp(ctx, "Shop of Ann", "com.example.ann", "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(app.Created, d.DeleteApp(ctx, app.Key))
	// Output: true <nil>
}

// All that happens, from where the program stopped last time.
func ExampleClient_Events() {
	ctx := context.Background()
	o := client.EventOptions{Types: []client.EventType{client.MessageOpened, client.DeviceRetired}, After: loadPlace()}
	for e, err := range connect().Events(ctx, o) {
		if err != nil {
			log.Fatal(err)
		}
		switch e.Type {
		case client.StreamGap:
			log.Print(e.Data.Text)
		default:
			log.Print(e.Type, e.Data.RegistrationIDs)
		}
		storePlace(e.ID)
	}
}

func loadPlace() string { return "" }

func storePlace(string) {}

// A receiver of webhooks.
func ExampleVerifier_Handler() {
	v, err := client.NewVerifier(os.Getenv("AURORA_WEBHOOK_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("POST /aurora", v.Handler(func(r *http.Request, e client.Event) error {
		return store(r.Context(), e.ID, e.Raw) // e.ID tells one that comes twice
	}))
	log.Fatal(http.ListenAndServe(":8081", nil))
}

func store(context.Context, string, []byte) error { return nil }

// Every attempt in the log, and less patience than by default.
func ExampleSettings() {
	_, err := client.New(client.Config{
		Server: "https://push.example.com", AppKey: "…", MasterSecret: "…",
		Settings: client.Settings{
			Timeout: 5 * time.Second,
			Retry:   client.Retry{Within: 15 * time.Second},
			OnAttempt: func(a client.Attempt) {
				slog.Debug("aurora", "method", a.Method, "path", a.Path, "attempt", a.Number, "status", a.Status, "took", a.Took, "error", a.Err)
			},
		},
	})
	fmt.Println(err)
	// Output: <nil>
}
