package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora/client"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

func TestLabels(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	other := w.newDevice()
	w.must(c.ChangeLabels(t.Context(), w.device, client.LabelChange{AddTags: []string{"vip", "beta"}, Alias: new("ann"), Mobile: new("13800000000")}))
	w.must(c.ChangeLabels(t.Context(), w.device, client.LabelChange{RemoveTags: []string{"beta"}}))
	got, err := c.Labels(t.Context(), w.device)
	w.must(err)
	if !slices.Equal(got.Tags, []string{"vip"}) || got.Alias != "ann" || got.Mobile != "13800000000" {
		t.Errorf("the labels are %+v", got)
	}
	w.must(c.ChangeTag(t.Context(), "vip", []string{other}, []string{w.device}))
	for device, want := range map[string]bool{w.device: false, other: true} {
		if has, err := c.HasTag(t.Context(), "vip", device); err != nil || has != want {
			t.Errorf("%s has the tag: %v, %v", device, has, err)
		}
	}
	err = c.ChangeTag(t.Context(), "vip", []string{"0123456789abcdef012", w.device}, nil)
	w.refused("a tag for a stranger", err, client.ErrInvalid, 7013)
	if e, _ := errors.AsType[*client.Error](err); e == nil || !slices.Equal(e.IllegalIDs, []string{"0123456789abcdef012"}) {
		t.Errorf("the refusal is %+v", e)
	}
	tags, err := c.Tags(t.Context())
	w.must(err)
	if !slices.Contains(tags, "vip") {
		t.Errorf("the tags are %v", tags)
	}
	devices, err := c.AliasDevices(t.Context(), "ann", client.IOSPlatform)
	w.must(err)
	if len(devices) != 1 || devices[0].RegistrationID != w.device || devices[0].Platform != client.IOSPlatform {
		t.Errorf("the alias's devices are %+v", devices)
	}
	if devices, err := c.AliasDevices(t.Context(), "ann", client.AndroidPlatform); err != nil || len(devices) != 0 {
		t.Errorf("the alias's Android devices are %+v, %v", devices, err)
	}
	w.must(c.RemoveFromAlias(t.Context(), "ann", w.device))
	w.must(c.DeleteAlias(t.Context(), "ann"))
	w.must(c.DeleteTag(t.Context(), "vip", client.IOSPlatform))
	w.must(c.ChangeLabels(t.Context(), w.device, client.LabelChange{ClearTags: true, Alias: new(""), Mobile: new("")}))
	if got, err := c.Labels(t.Context(), w.device); err != nil || len(got.Tags)+len(got.Alias)+len(got.Mobile) != 0 {
		t.Errorf("after all was cleared: %+v, %v", got, err)
	}
	many := make([]string, 1500) // two calls
	for i := range many {
		many[i] = "0123456789abcdef012"
	}
	many[1400] = w.device
	presence, err := c.Presence(t.Context(), many...)
	w.must(err)
	if len(presence) != 2 || !presence[w.device].Known || !presence[w.device].Online || presence["0123456789abcdef012"].Known {
		t.Errorf("the presence is %+v", presence)
	}
	_, err = c.Labels(t.Context(), "0123456789abcdef012")
	w.refused("a stranger's labels", err, client.ErrInvalid, 7002)
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(&losesSome{next: w.transport()})
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	id, err := c.CreateSchedule(t.Context(), client.NewSchedule{Name: "stand-up", Trigger: client.Trigger{At: at}, Push: w.hello()})
	w.must(err)
	s, err := c.Schedule(t.Context(), id)
	w.must(err)
	if s.ID != id || s.Name != "stand-up" || !s.Enabled || !s.Trigger.At.Equal(at) || !strings.Contains(string(s.Push), "Hello") {
		t.Errorf("the schedule is %+v", s)
	}
	every := &client.Every{Start: at, End: at.AddDate(0, 6, 0), Clock: 9*time.Hour + 30*time.Minute, Unit: client.Week, Points: []string{"MON", "WED"}}
	weekly, err := c.CreateSchedule(t.Context(), client.NewSchedule{Name: "weekly", Trigger: client.Trigger{Every: every}, Push: w.hello()})
	w.must(err)
	s, err = c.Schedule(t.Context(), weekly)
	w.must(err)
	if e := s.Trigger.Every; e == nil || !e.Start.Equal(every.Start) || !e.End.Equal(every.End) || e.Clock != every.Clock || e.Unit != client.Week || e.Frequency != 1 || !slices.Equal(e.Points, every.Points) {
		t.Errorf("the trigger came back as %+v", s.Trigger.Every)
	}
	for range 60 { // more than a page
		_, err := c.CreateSchedule(t.Context(), client.NewSchedule{Name: "one of many", Trigger: client.Trigger{At: at}, Push: w.hello()})
		w.must(err)
	}
	var all []string
	for s, err := range c.Schedules(t.Context()) {
		w.must(err)
		all = append(all, s.ID)
	}
	if len(all) != 62 || all[0] != id || all[1] != weekly {
		t.Errorf("%d schedules, which begin with %v", len(all), all[:2])
	}
	w.must(c.DeleteSchedule(t.Context(), weekly))
	changed, err := c.ChangeSchedule(t.Context(), id, client.ScheduleChange{Name: new("now"), Trigger: &client.Trigger{At: time.Now().Add(2 * time.Second)}})
	w.must(err)
	if changed.Name != "now" {
		t.Errorf("the changed schedule is %+v", changed)
	}
	var fired []client.Firing
	for late := time.Now().Add(20 * time.Second); len(fired) == 0; time.Sleep(50 * time.Millisecond) {
		fired, err = c.Firings(t.Context(), id)
		w.must(err)
		if time.Now().After(late) {
			t.Fatal("the schedule has not sent anything")
		}
	}
	if w.settled(c, fired[0].MessageID).Accepted != 1 {
		t.Errorf("the occurrence is %+v", fired)
	}
	_, err = c.ChangeSchedule(t.Context(), id, client.ScheduleChange{Enabled: new(false)})
	w.refused("to change a finished one", err, client.ErrInvalid, 8100)
	_, err = c.CreateSchedule(t.Context(), client.NewSchedule{Name: "x", Trigger: client.Trigger{Every: &client.Every{Clock: 25 * time.Hour}}, Push: w.hello()})
	if !errors.Is(err, client.ErrInvalid) {
		t.Errorf("a clock of 25 hours: %v", err)
	}
}

func FuzzTrigger(f *testing.F) {
	f.Add([]byte(`{"single":{"time":"2030-01-31 09:30:00"}}`))
	f.Add([]byte(`{"periodical":{"start":"2030-01-01 00:00:00","end":"2030-06-01 00:00:00","time":"09:30:00","time_unit":"week","frequency":2,"point":["MON"]}}`))
	f.Add([]byte(`{"intelligent":{"backup_time":"2030-01-31 09:30:00"}}`))
	f.Add([]byte(`{"intelligent":{}}`))
	f.Add([]byte(`{"single":{"time":"soon"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, second client.Trigger
		if json.Unmarshal(text, &first) != nil {
			return
		}
		written, err := json.Marshal(first)
		if err != nil {
			t.Skip() // such as a clock that no day has
		}
		if err := json.Unmarshal(written, &second); err != nil {
			t.Fatalf("%s was written as %s, which cannot be read: %v", text, written, err)
		}
		again, err := json.Marshal(second)
		if err != nil || string(again) != string(written) {
			t.Fatalf("%s, then %s, %v", written, again, err)
		}
	})
}

func TestFiles(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	w.must(c.ChangeLabels(t.Context(), w.device, client.LabelChange{Alias: new("ann")}))
	id, err := c.UploadAliases(t.Context(), "vip.txt", strings.NewReader("nobody\nann\n"), 2*time.Hour)
	w.must(err)
	f, err := c.File(t.Context(), id)
	w.must(err)
	if f.Kind != "alias" || f.Name != "vip.txt" || f.ExpiresAt.Sub(f.CreatedAt) != 2*time.Hour || time.Since(f.CreatedAt).Abs() > time.Minute {
		t.Errorf("the file is %+v", f)
	}
	r, err := c.PushFile(t.Context(), id, w.hello())
	w.must(err)
	if got := w.settled(c, r.MessageID); got.Targeted != 1 || got.Accepted != 1 {
		t.Errorf("the push to the file: %+v", got)
	}
	ids, err := c.UploadRegistrationIDs(t.Context(), "ids.txt", strings.NewReader(w.device+"\n"), 0)
	w.must(err)
	list, err := c.Files(t.Context())
	w.must(err)
	if len(list) != 2 {
		t.Errorf("the files are %+v", list)
	}
	w.must(c.DeleteFile(t.Context(), id))
	w.must(c.DeleteFile(t.Context(), id))
	_, err = c.File(t.Context(), id)
	w.refused("a deleted file", err, client.ErrNotFound, 1003)
	_, err = c.UploadRegistrationIDs(t.Context(), "bad.txt", strings.NewReader("not an id\n"), 0)
	w.refused("a file with a line that is no id", err, client.ErrInvalid, 1003)
	if _, err := c.UploadAliases(t.Context(), "x", strings.NewReader("a"), 90*time.Minute); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("an hour and a half: %v", err)
	}
	if _, err := c.UploadAliases(t.Context(), "x", failing{}, 0); !errors.Is(err, errFailing) {
		t.Errorf("a list that breaks off: %v", err)
	}
	if list, err := c.Files(t.Context()); err != nil || len(list) != 1 || list[0].ID != ids {
		t.Errorf("the files at the end are %+v, %v", list, err)
	}
}

var errFailing = errors.New("the disk is gone")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errFailing }

// The numbers of a message in every form, and who is behind them.
func TestReports(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	other := w.newDevice()
	p := w.hello()
	p.Audience = client.Audience{All: true}
	r, err := c.Push(t.Context(), p)
	w.must(err)
	if report := w.settled(c, r.MessageID); report.Accepted != 2 {
		t.Fatalf("the report is %+v", report)
	}
	ids := make([]string, 150) // two calls
	for i := range ids {
		ids[i] = "123456789"
	}
	ids[120] = r.MessageID
	received, err := c.Received(t.Context(), ids...)
	w.must(err)
	if len(received) != 150 || received[120].MessageID != r.MessageID || *received[120].Sent != 2 || received[120].Received != nil || received[0].Sent != nil {
		t.Errorf("received: %d items, %+v", len(received), received[120])
	}
	detail, err := c.ReceivedDetail(t.Context(), r.MessageID)
	w.must(err)
	if detail[0]["ios_apns_sent"] != 2.0 {
		t.Errorf("received in detail: %v", detail)
	}
	counts, err := c.MessageCounts(t.Context(), r.MessageID)
	w.must(err)
	if *counts[0].IOS.Target != 2 || *counts[0].IOS.Sent != 2 || counts[0].Android.Target != nil {
		t.Errorf("the counts are %+v", counts)
	}
	details, err := c.MessageDetails(t.Context(), r.MessageID)
	w.must(err)
	if details[0].MessageID != r.MessageID || *details[0].IOS["apns_sent"] != 2 || details[0].Details["notification"] == nil {
		t.Errorf("the details are %+v", details)
	}
	deliveries, err := c.Deliveries(t.Context(), r.MessageID, w.device, other, "0123456789abcdef012")
	w.must(err)
	if deliveries[w.device] != client.Delivered || deliveries[other] != client.Delivered || deliveries["0123456789abcdef012"] != client.NotOurs {
		t.Errorf("the deliveries are %v", deliveries)
	}
	var who []string
	for id, err := range c.MessageDevices(t.Context(), r.MessageID, client.Accepted, client.Opened) {
		w.must(err)
		who = append(who, id)
	}
	if !slices.Equal(who, []string{w.device, other}) {
		t.Errorf("it was accepted for %v", who)
	}
	for id, err := range c.MessageDevices(t.Context(), r.MessageID, client.FailedFor("Unregistered"), "") {
		t.Errorf("it failed for %v, %v", id, err)
	}
	for _, err := range c.MessageDevices(t.Context(), r.MessageID, "nonsense", "") {
		w.refused("an outcome that does not exist", err, client.ErrInvalid, 3002)
	}
	steps, err := c.Timeline(t.Context(), r.MessageID, w.device)
	w.must(err)
	if len(steps) < 4 || steps[0].State != client.StepDone || steps[0].At.IsZero() || steps[0].Text == "" || steps[len(steps)-1].State != client.StepUnknown {
		t.Errorf("the timeline is %+v", steps)
	}
	periods, err := c.Users(t.Context(), client.ByDay, time.Now(), 2)
	w.must(err)
	if len(periods) != 2 || periods[0].IOS.New != 2 || periods[1].Start.Sub(periods[0].Start) != 24*time.Hour {
		t.Errorf("the users are %+v", periods)
	}
	if _, err := c.Users(t.Context(), "YEAR", time.Now(), 1); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("users by year: %v", err)
	}
}

func TestGroup(t *testing.T) {
	w := newWorld(t)
	second := newWorld(t)
	lonely, err := w.newApp(t.Context())
	w.must(err)
	g, err := w.server.Accounts.CreateGroup(t.Context(), w.account.ID, "both")
	w.must(err)
	for _, key := range []string{w.app.Key, second.app.Key, lonely.Key} {
		w.must(w.server.Accounts.SetGroupApp(t.Context(), w.account.ID, g.Key, key, true))
	}
	c, err := client.NewGroup(client.GroupConfig{Server: w.server.URL(), GroupKey: g.Key, GroupSecret: g.Secret.Reveal()})
	w.must(err)
	p := w.hello()
	p.Audience = client.Audience{All: true}
	r, err := c.Push(t.Context(), p)
	w.must(err)
	if r.MessageID == "" || len(r.Apps) != 3 || r.Apps[w.app.Key].MessageID == "" || r.Apps[second.app.Key].Err != nil {
		t.Fatalf("the receipt is %+v", r)
	}
	w.refused("an app without devices", r.Apps[lonely.Key].Err, client.ErrNoTarget, 1011)
	p.CID = r.CID
	again, err := c.Push(t.Context(), p)
	w.must(err)
	if again.MessageID != r.MessageID || again.Apps[w.app.Key].MessageID != r.Apps[w.app.Key].MessageID {
		t.Errorf("a repeat with the same cid is %+v, not %+v", again, r)
	}
	w.settled(w.client(nil), r.Apps[w.app.Key].MessageID)
	second.settled(second.client(nil), r.Apps[second.app.Key].MessageID)
	details, err := c.MessageDetails(t.Context(), r.MessageID)
	w.must(err)
	if len(details) != 1 || details[0].GroupMessageID != r.MessageID || *details[0].IOS["apns_sent"] != 2 {
		t.Errorf("the details are %+v", details)
	}
	if periods, err := c.Users(t.Context(), client.ByMonth, time.Now(), 1); err != nil || len(periods) != 1 || periods[0].IOS.New != 2 {
		t.Errorf("the users are %+v, %v", periods, err)
	}
	d := w.developer()
	w.must(w.client(nil).ChangeLabels(t.Context(), w.device, client.LabelChange{Alias: new("bob")}))
	file, err := d.UploadAliases(t.Context(), "bob.txt", strings.NewReader("bob"), 0)
	w.must(err)
	filed, err := c.PushFile(t.Context(), file, w.hello())
	w.must(err)
	if w.settled(w.client(nil), filed.Apps[w.app.Key].MessageID).Targeted != 1 {
		t.Errorf("the push to a file is %+v", filed)
	}
	w.must(d.DeleteFile(t.Context(), file))
}

func (w *world) developer() *client.Developer {
	w.Helper()
	d, err := client.NewDeveloper(client.DeveloperConfig{Server: w.server.URL(), DevKey: w.devKey, DevSecret: w.secret})
	w.must(err)
	return d
}

func TestDeveloper(t *testing.T) {
	w := newWorld(t)
	d := w.developer()
	a, err := d.CreateApp(t.Context(), "Shop", "com.example.shop", "")
	w.must(err)
	again, err := d.CreateApp(t.Context(), "Shop", "com.example.shop", "")
	w.must(err)
	if !a.Created || again.Created || a.Key != again.Key || a.MasterSecret != again.MasterSecret || a.MasterSecret == "" {
		t.Errorf("the app is %+v, then %+v", a, again)
	}
	issued, err := w.apns.Issue(localapns.IssueRequest{BundleID: "com.example.shop", Password: "open sesame"})
	w.must(err)
	certificate := &client.Certificate{P12: issued.P12, Password: "wrong"}
	w.refused("a wrong password", d.UploadCertificates(t.Context(), a.Key, client.Certificates{Production: certificate}), client.ErrInvalid, 1012)
	w.refused("no certificate", d.UploadCertificates(t.Context(), a.Key, client.Certificates{}), client.ErrInvalid, 1014)
	certificate.Password = "open sesame"
	w.must(d.UploadCertificates(t.Context(), a.Key, client.Certificates{Development: certificate, Production: certificate}))
	w.must(d.DeleteApp(t.Context(), a.Key))
	w.refused("an app that is gone", d.DeleteApp(t.Context(), a.Key), client.ErrNotFound, 1013)
	stranger, err := client.NewDeveloper(client.DeveloperConfig{Server: w.server.URL(), DevKey: w.devKey, DevSecret: strings.Repeat("0", 24)})
	w.must(err)
	_, err = stranger.CreateApp(t.Context(), "Shop", "com.example.shop", "")
	w.refused("a wrong secret", err, client.ErrUnauthorized, 4007)
}

// API keys do what their scopes open, with and without the AppKey beside them.
func TestKeys(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	k, err := c.CreateKey(t.Context(), client.NewKey{Name: "sender", Scopes: []client.Scope{client.PushScope}, Allow: []string{"127.0.0.0/8"}, ExpiresAt: expires})
	w.must(err)
	if k.Secret == "" || !k.ExpiresAt.Equal(expires) || !k.RevokedAt.IsZero() {
		t.Errorf("the key is %+v", k)
	}
	for name, config := range map[string]client.Config{
		"alone":                         {Server: w.server.URL(), APIKey: k.Secret},
		"beside the AppKey":             {Server: w.server.URL(), AppKey: w.app.Key, APIKey: k.Secret},
		"in place of the Master Secret": {Server: w.server.URL(), AppKey: w.app.Key, MasterSecret: k.Secret},
	} {
		scoped, err := client.New(config)
		w.must(err)
		var first client.Receipt
		for i := range 3 {
			r, err := scoped.Push(t.Context(), w.hello())
			w.must(err)
			if i == 0 {
				first = r
			} else if !strings.HasPrefix(r.CID, w.app.Key+"-") || r.CID == first.CID || r.MessageID == first.MessageID {
				t.Errorf("%s: two pushes are %+v and %+v", name, first, r)
			}
		}
		_, err = scoped.Report(t.Context(), first.MessageID)
		w.refused(name+": a report", err, client.ErrForbidden, 2003)
		_, err = scoped.Keys(t.Context())
		w.refused(name+": the keys", err, client.ErrForbidden, 9003)
	}
	keys, err := c.Keys(t.Context())
	w.must(err)
	if len(keys) != 1 || keys[0].ID != k.ID || keys[0].Secret != "" || keys[0].LastUsedAt.IsZero() {
		t.Errorf("the keys are %+v", keys)
	}
	w.must(c.RevokeKey(t.Context(), k.ID))
	scoped, err := client.New(client.Config{Server: w.server.URL(), APIKey: k.Secret})
	w.must(err)
	_, err = scoped.Push(t.Context(), w.hello())
	w.refused("a revoked key", err, client.ErrUnauthorized, 1004)

	w.must(c.SetAllowList(t.Context(), "127.0.0.1", "10.0.0.0/8"))
	if list, err := c.AllowList(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("the allow-list is %v, %v", list, err)
	}
	w.refused("a list without oneself", c.SetAllowList(t.Context(), "10.0.0.0/8"), client.ErrInvalid, 9002)
	w.must(c.SetAllowList(t.Context()))

	rotated, err := c.RotateSecret(t.Context(), new(time.Minute))
	w.must(err)
	if rotated.Secret == "" || time.Until(rotated.PreviousUntil) > time.Minute {
		t.Errorf("the new secret is valid beside the old one until %v", rotated.PreviousUntil)
	}
	fresh, err := client.New(client.Config{Server: w.server.URL(), AppKey: w.app.Key, MasterSecret: rotated.Secret})
	w.must(err)
	actions := 0
	for e, err := range fresh.Audit(t.Context()) {
		w.must(err)
		if e.Action == "" || e.At.IsZero() {
			t.Errorf("an entry of the audit log is %+v", e)
		}
		actions++
	}
	if actions < 4 {
		t.Errorf("the audit log has %d entries", actions)
	}
	if ids, err := c.CIDs(t.Context(), 3, client.ScheduleCID); err != nil || len(ids) != 3 {
		t.Errorf("cids: %v, %v", ids, err)
	}
}

// A push is checked and its audience counted, and nothing is sent.
func TestValidate(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	p := w.hello()
	p.Audience.RegistrationID = append(p.Audience.RegistrationID, w.newDevice())
	p.Message = &client.Message{Content: "hi"}
	got, err := c.Validate(t.Context(), p)
	w.must(err)
	if want := (client.Reach{Targeted: 2, Reachable: 2, InApp: 2}); got != want {
		t.Errorf("the push would reach %+v, want %+v", got, want)
	}
	got, err = c.Count(t.Context(), client.Audience{All: true}, client.Production, client.IOSPlatform)
	w.must(err)
	if want := (client.Reach{Targeted: 2, Dropped: client.Dropped{WrongEnvironment: 2}}); got != want {
		t.Errorf("all devices in production are %+v, want %+v", got, want)
	}
	p.Audience = client.Audience{Tag: []string{"nobody"}}
	_, err = c.Validate(t.Context(), p)
	w.refused("nobody", err, client.ErrNoTarget, 1011)
	if n := len(w.arrived()); n != 0 {
		t.Errorf("%d pushes were sent", n)
	}
}

func TestSegments(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	w.must(c.ChangeLabels(t.Context(), w.device, client.LabelChange{AddTags: []string{"vip", "beijing"}}))
	made, err := c.CreateSegment(t.Context(), "regulars", "vip && !seen>30d")
	w.must(err)
	if made.Name != "regulars" || made.Expression != "vip && !seen>30d" || made.CreatedAt.IsZero() {
		t.Errorf("the segment is %+v", made)
	}
	for name, a := range map[string]client.Audience{
		"by name": {Segment: []string{"regulars"}}, "in an expression": {Expression: "segment:regulars && (beijing || shanghai)"},
	} {
		if got, err := c.Count(t.Context(), a, client.Development); err != nil || got.Reachable != 1 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	_, err = c.CreateSegment(t.Context(), "regulars", "vip")
	w.refused("a name that is taken", err, client.ErrInvalid, 9002)
	_, err = c.ReplaceSegment(t.Context(), "regulars", "vip && (")
	w.refused("an expression that cannot be read", err, client.ErrInvalid, 9002)
	changed, err := c.ReplaceSegment(t.Context(), "regulars", "vip")
	w.must(err)
	got, err := c.Segment(t.Context(), "regulars")
	w.must(err)
	if got != changed || got.Expression != "vip" {
		t.Errorf("the changed segment is %+v, then %+v", changed, got)
	}
	if list, err := c.Segments(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("the segments are %+v, %v", list, err)
	}
	w.must(c.DeleteSegment(t.Context(), "regulars"))
	_, err = c.Segment(t.Context(), "regulars")
	w.refused("a deleted segment", err, client.ErrNotFound, 9005)
}

func TestPlansAndTestDevices(t *testing.T) {
	w := newWorld(t)
	c := w.client(nil)
	for i := range 60 { // more than a page
		w.must(c.CreatePlan(t.Context(), fmt.Sprintf("plan %d", i), "of the spring"))
	}
	w.must(c.DescribePlan(t.Context(), "plan 7", "of the summer"))
	w.refused("a plan of that name", c.CreatePlan(t.Context(), "plan 7", ""), client.ErrInvalid, 1003)
	w.must(c.AddTestDevice(t.Context(), client.TestDevice{RegistrationID: w.device, Name: "mine"}))
	w.must(c.RenameTestDevice(t.Context(), client.TestDevice{RegistrationID: w.device, Name: "ours"}))
	w.newDevice()
	p := w.hello()
	p.Audience, p.Options.Plan, p.Options.TestDevices = client.Audience{All: true}, "plan 7", true
	r, err := c.Push(t.Context(), p)
	w.must(err)
	if report := w.settled(c, r.MessageID); report.Targeted != 1 {
		t.Errorf("a push to test devices is %+v", report)
	}
	plans := map[string]client.Plan{}
	for p, err := range c.Plans(t.Context(), "") {
		w.must(err)
		plans[p.Name] = p
	}
	if len(plans) != 60 || plans["plan 7"].Description != "of the summer" || plans["plan 7"].Pushes != 1 || plans["plan 7"].LastUsedAt == "" {
		t.Errorf("%d plans, %+v", len(plans), plans["plan 7"])
	}
	if list, err := c.TestDevices(t.Context()); err != nil || len(list) != 1 || list[0] != (client.TestDevice{RegistrationID: w.device, Name: "ours"}) {
		t.Errorf("the test devices are %+v, %v", list, err)
	}
	w.must(c.RemoveTestDevice(t.Context(), w.device))
	_, err = c.Push(t.Context(), p)
	w.refused("a push to no test device", err, client.ErrNoTarget, 1011)
}
