package console

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
)

// sendPage is the form and what stands beside it.
type sendPage struct {
	Draft    draft
	Problems problems
	Checked  bool // problems are shown beside the fields
	Preview  sendPreview
	Tests    []registry.TestDevice
	Segments []registry.Segment
	Tested   aurora.MessageID // the push that was just sent to them
}

// sendPreview is what the draft comes to.
type sendPreview struct {
	Words    words
	Reach    dispatch.Reach
	Counted  bool
	Warning  bool // the environment has no working credential
	Block    budget
	Payload  budget
	APNs     string // the payload as APNs would get it
	JSON     string
	Curl     string
	Call     string // method and path
	Push     push
	Problems problems
}

// budget is how much of a limit in bytes is used.
type budget struct{ Used, Max uint64 }

// Bar is how long the bar of the budget is.
func (b budget) Bar() string { return width(b.Used, b.Max) }

// Over reports whether it does not fit.
func (b budget) Over() bool { return b.Used > b.Max }

// Tight reports whether little is left.
func (b budget) Tight() bool { return b.Used*10 > b.Max*9 }

// largest stands for the id and the badge that a push will get, when its
// payload is measured.
const largest = aurora.MessageID(1<<53 - 1)

// compose shows the form: empty, for one device if the link named it, or with
// what an earlier message said.
func (c *console) compose(w http.ResponseWriter, r *http.Request, v visit) error {
	d := newDraft()
	credentials, err := c.Account.Credentials(r.Context(), v.app.ID)
	if err != nil {
		return err
	}
	if len(credentials) == 1 {
		d.Environment = credentials[0].Environment.String()
	}
	q := r.URL.Query()
	if from := q.Get("from"); from != "" {
		id, err := aurora.ParseMessageID(from)
		if err != nil {
			return err
		}
		report, err := c.Ledger.Report(r.Context(), v.app.ID, id)
		if err != nil {
			return err
		}
		d = draftOf(report.Message)
	}
	if id := q.Get("registration_id"); aurora.ValidateRegistrationID(id) == nil {
		d.Audience, d.Registration = "chosen", id
	}
	if e := q.Get("expression"); e != "" {
		d.Audience, d.Expression = "expression", e
	}
	if env, err := aurora.ParseEnvironment(q.Get("environment")); err == nil {
		d.Environment = env.String()
	}
	return c.showSend(w, r, v, http.StatusOK, sendPage{Draft: d})
}

func newDraft() draft {
	return draft{Sound: "default", Badge: "+1", Audience: "all", Environment: aurora.Development.String(), LifeUnit: "hours", When: "now", Nonce: rand.Text()}
}

func (c *console) showSend(w http.ResponseWriter, r *http.Request, v visit, status int, page sendPage) error {
	preview, err := c.previewOf(r, v, page.Draft)
	if err != nil {
		return err
	}
	page.Preview = preview
	if !page.Checked {
		page.Preview.Problems = nil // nothing was typed yet
	}
	if page.Tests, err = c.Registry.ListTestDevices(r.Context(), v.app.ID); err != nil {
		return err
	}
	if page.Segments, err = c.Registry.Segments(r.Context(), v.app.ID); err != nil {
		return err
	}
	return c.page(w, r, v, status, "send", "Compose", page)
}

// preview answers a script while the form is being filled in.
func (c *console) preview(w http.ResponseWriter, r *http.Request, v visit) error {
	d := readDraft(r.PostForm)
	if !isScripted(r) {
		_, bad := d.read(c.now())
		return c.showSend(w, r, v, http.StatusOK, sendPage{Draft: d, Problems: bad, Checked: true})
	}
	preview, err := c.previewOf(r, v, d)
	if err != nil {
		return err
	}
	return c.fragment(w, http.StatusOK, "send", "update", v, sendPage{Draft: d, Preview: preview})
}

func (c *console) previewOf(r *http.Request, v visit, d draft) (sendPreview, error) {
	p, bad := d.read(c.now())
	path, body := p.call()
	s := sendPreview{
		Words: wordsOf(p.Message.Content), Block: budget{uint64(len(compact(p.Message.Content.IOS))), aurora.MaxIOSBlock},
		Call: "POST " + path, JSON: body, Curl: curl(c.baseURL(r), path, v.app.Key, body), Push: p, Problems: bad,
	}
	if c.Payload != nil {
		m := p.Message
		m.ID = largest
		payload := c.Payload(&m, aurora.MaxBadge)
		s.Payload, s.APNs = budget{uint64(len(payload)), aurora.MaxAPNSPayload}, indent(rawJSON(payload))
	}
	credentials, err := c.Account.Credentials(r.Context(), v.app.ID)
	if err != nil {
		return s, err
	}
	env := p.Message.Environment()
	s.Warning = true
	for _, cred := range credentials {
		if cred.Environment == env && cred.Usable(c.now()) {
			s.Warning = false
		}
	}
	if bad.any("audience", "tag", "tag_and", "tag_not", "alias", "registration_id", "expression") {
		return s, nil // no audience, so nothing to count
	}
	// Counted without its content: what is typed last is often not valid yet.
	s.Reach, err = c.Dispatch.Count(r.Context(), v.app, dispatch.Request{
		Message:  aurora.Message{Platforms: p.Message.Platforms, Options: aurora.Options{Production: p.Message.Options.Production}},
		Audience: p.Audience, AllowEmpty: true,
	})
	if err != nil && aurora.KindOf(err) != aurora.Internal {
		s.Problems.add("audience", err)
		return s, nil
	}
	s.Counted = err == nil
	return s, err
}

// Environment names the APNs environment that the draft is for.
func (s sendPreview) Environment() aurora.Environment { return s.Push.Message.Environment() }

// drop is a reason why devices of an audience are not sent to, for a reader.
type drop struct {
	Name, Remedy string // English
	Count        uint64
}

// Drops are the reasons that apply.
func (s sendPreview) Drops() (found []drop) {
	for _, d := range []struct {
		reason       dispatch.Drop
		name, remedy string
	}{
		{dispatch.NoToken, "No push token", "The app has not reported one: permission was not asked for, or the phone has no network."},
		{dispatch.WrongEnvironment, "Other environment", "Their builds are signed for the other environment. Choose it, or send once for each."},
		{dispatch.OptedOut, "Switched off in the app", "Their users turned pushes off in the app."},
		{dispatch.Quarantined, "Token is dead", "APNs said that the app was removed or the token replaced. They come back when the app starts again."},
		{dispatch.OtherPlatform, "Other platform", "Aurora has no channel for them yet."},
	} {
		if n := s.Reach.Dropped[d.reason]; n > 0 {
			found = append(found, drop{d.name, d.remedy, n})
		}
	}
	return found
}

// confirmPage asks once more, with numbers.
type confirmPage struct {
	Draft   draft
	Preview sendPreview
	Who     string // "" is everyone
	Rate    uint64 // devices a minute of a push that is spread over time
	Ask     bool   // a second person has to approve it
	Limit   uint64
}

// confirm shows what is about to happen and sends nothing.
func (c *console) confirm(w http.ResponseWriter, r *http.Request, v visit) error {
	d := readDraft(r.PostForm)
	preview, err := c.previewOf(r, v, d)
	if err != nil {
		return err
	}
	if len(preview.Problems) == 0 && preview.Reach.Targeted == 0 && preview.Push.At.IsZero() {
		preview.Problems.add("", aurora.Errorf(aurora.NoTarget, "The audience selects no device. Check the tags, alias or registration ids; a device can be reached once its app has registered."))
	}
	if len(preview.Problems) > 0 {
		return c.showSend(w, r, v, http.StatusUnprocessableEntity, sendPage{Draft: d, Problems: preview.Problems, Checked: true})
	}
	limit, err := c.Approvals.Limit(r.Context(), v.app.ID)
	if err != nil {
		return err
	}
	page := confirmPage{Limit: limit, Ask: limit > 0 && preview.Reach.Targeted > limit, Draft: d, Preview: preview, Who: whom(preview.Push.Audience.String())}
	if pace := preview.Push.Message.Options.Pace; pace > 0 {
		page.Rate = (preview.Reach.Targeted + uint64(pace) - 1) / uint64(pace)
	}
	return c.page(w, r, v, http.StatusOK, "send-confirm", "Confirm", page)
}

func (c *console) send(w http.ResponseWriter, r *http.Request, v visit) error {
	d := readDraft(r.PostForm)
	p, bad := d.read(c.now())
	if len(bad) > 0 {
		return c.showSend(w, r, v, http.StatusUnprocessableEntity, sendPage{Draft: d, Problems: bad, Checked: true})
	}
	target, said, err := c.submit(r, v, d, p)
	if err != nil {
		if aurora.KindOf(err) == aurora.Internal {
			return err
		}
		return c.showSend(w, r, v, statusOf(err), sendPage{Draft: d, Problems: problems{"": err}, Checked: true})
	}
	return c.done(w, r, "/apps/"+v.app.Key+target, said)
}

// submit hands the push over, and says where to look.
func (c *console) submit(r *http.Request, v visit, d draft, p push) (target, said string, err error) {
	done, err := c.Approvals.Submit(r.Context(), v.app, d.schedule(v.app, p), d.cid(v.app.Key))
	switch {
	case done.Waiting:
		return "/approvals", "The push waits for the word of a second person.", err
	case !p.At.IsZero():
		return "/schedules", "The push is scheduled.", err
	}
	return "/messages/" + done.MessageID.String(), "The push was accepted.", err
}

// cid is the same for the same content of the same rendered form, so a double
// click sends once; a form that was changed after going back sends again. Its
// form is JPush's: the AppKey, a hyphen and a UUID.
func (d draft) cid(appKey string) string {
	sum := sha256.Sum256(compact(d))
	return fmt.Sprintf("%s-%x-%x-%x-%x-%x", appKey, sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// test sends the draft to the app's test devices and goes on with the form.
func (c *console) test(w http.ResponseWriter, r *http.Request, v visit) error {
	d := readDraft(r.PostForm)
	whole := d
	whole.Audience, whole.When, whole.Pace = "all", "now", "" // who tests is known, and tests at once
	p, bad := whole.read(c.now())
	if len(bad) > 0 {
		return c.showSend(w, r, v, http.StatusUnprocessableEntity, sendPage{Draft: d, Problems: bad, Checked: true})
	}
	receipt, err := c.Approvals.Try(r.Context(), v.app, dispatch.Request{Message: p.Message, Audience: p.Audience})
	if err != nil {
		if aurora.KindOf(err) == aurora.Internal {
			return err
		}
		return c.showSend(w, r, v, statusOf(err), sendPage{Draft: d, Problems: problems{"": err}, Checked: true})
	}
	return c.showSend(w, r, v, http.StatusOK, sendPage{Draft: d, Tested: receipt.MessageID})
}

// testers adds or removes a test device and goes on with the form.
func (c *console) testers(w http.ResponseWriter, r *http.Request, v visit) error {
	d := readDraft(r.PostForm)
	var err error
	if id := r.PostForm.Get("drop_test"); id != "" {
		err = c.Registry.DropTestDevice(r.Context(), v.app.ID, id)
	} else {
		id := strings.TrimSpace(r.PostForm.Get("test_id"))
		err = c.Registry.PutTestDevice(r.Context(), v.app.ID, id, cmp.Or(strings.TrimSpace(r.PostForm.Get("test_name")), id), false)
	}
	if err != nil {
		if aurora.KindOf(err) == aurora.Internal {
			return err
		}
		return c.showSend(w, r, v, statusOf(err), sendPage{Draft: d, Problems: problems{"test_id": err}, Checked: true})
	}
	return c.showSend(w, r, v, http.StatusOK, sendPage{Draft: d})
}
