package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
)

// sendPage is the form and what stands beside it.
type sendPage struct {
	Draft    draft
	Problems problems
	Checked  bool // problems are shown beside the fields
	Preview  sendPreview
}

// sendPreview is what the draft comes to.
type sendPreview struct {
	Words     words
	Count     uint64 // devices that the audience selects
	Reachable uint64 // of those, with a live token of the chosen environment
	Counted   bool
	Warning   string // an environment without a working credential
	Size      int    // bytes of the ios block
	MaxSize   int
	JSON      string
	Curl      string
	Problems  problems
}

// compose shows the form, filled for one device if the link named it.
func (c *console) compose(w http.ResponseWriter, r *http.Request, v visit) error {
	d := draft{Sound: "default", Badge: "+1", Audience: "all", Environment: aurora.Development.String(), LifeUnit: "hours", Nonce: rand.Text()}
	credentials, err := c.Account.Credentials(r.Context(), v.app.ID)
	if err != nil {
		return err
	}
	if len(credentials) == 1 {
		d.Environment = credentials[0].Environment.String()
	}
	q := r.URL.Query()
	if id := q.Get("registration_id"); aurora.ValidateRegistrationID(id) == nil {
		d.Audience, d.Registration = "chosen", id
	}
	if env, err := aurora.ParseEnvironment(q.Get("environment")); err == nil {
		d.Environment = env.String()
	}
	return c.showSend(w, r, v, http.StatusOK, sendPage{Draft: d})
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
	return c.page(w, r, v, status, "send", "Send", page)
}

// preview answers a script while the form is being filled in.
func (c *console) preview(w http.ResponseWriter, r *http.Request, v visit) error {
	d := readDraft(r.PostForm)
	preview, err := c.previewOf(r, v, d)
	if err != nil {
		return err
	}
	if !isScripted(r) {
		return c.page(w, r, v, http.StatusOK, "send", "Send", sendPage{Draft: d, Problems: preview.Problems, Checked: true, Preview: preview})
	}
	return c.fragment(w, http.StatusOK, "send", "update", v, sendPage{Draft: d, Preview: preview})
}

func (c *console) previewOf(r *http.Request, v visit, d draft) (sendPreview, error) {
	p, bad := d.read()
	body := d.call(p)
	s := sendPreview{
		Words: wordsOf(p.Message.Content), Size: blockSize(p.Message.Content.IOS), MaxSize: aurora.MaxIOSBlock,
		JSON: body, Curl: curl(c.baseURL(r), v.app.Key, body), Problems: bad,
	}
	credentials, err := c.Account.Credentials(r.Context(), v.app.ID)
	if err != nil {
		return s, err
	}
	env := p.Message.Environment()
	s.Warning = env.String()
	for _, cred := range credentials {
		if cred.Environment == env && cred.Usable(c.now()) {
			s.Warning = ""
		}
	}
	for _, field := range []string{"audience", "tag", "tag_and", "tag_not", "alias", "registration_id"} {
		if bad[field] != nil {
			return s, nil // no audience, so nothing to count
		}
	}
	selected := audience.And(p.Audience, audience.Is(audience.Platform, string(aurora.IOS)))
	if p.Audience.Op == audience.OpAll {
		selected = selected.Args[1]
	}
	if s.Count, err = c.Registry.Count(r.Context(), v.app.ID, selected); err != nil {
		return s, err
	}
	s.Reachable, err = c.Registry.Count(r.Context(), v.app.ID, audience.And(selected, live(env)))
	s.Counted = err == nil
	return s, err
}

// blockSize counts as Message.Validate does.
func blockSize(n *aurora.IOSNotification) int {
	b, _ := json.Marshal(n) // its raw JSON was checked when it was read
	return len(b)
}

func (c *console) send(w http.ResponseWriter, r *http.Request, v visit) error {
	d := readDraft(r.PostForm)
	p, bad := d.read()
	if len(bad) > 0 {
		return c.showSend(w, r, v, http.StatusUnprocessableEntity, sendPage{Draft: d, Problems: bad, Checked: true})
	}
	receipt, err := c.Dispatch.Accept(r.Context(), v.app, dispatch.Request{Message: p.Message, Audience: p.Audience, CID: d.cid(v.app.Key)})
	if err != nil {
		if aurora.KindOf(err) == aurora.Internal {
			return err
		}
		return c.showSend(w, r, v, statusOf(err), sendPage{Draft: d, Problems: problems{"": err}, Checked: true})
	}
	return redirect(w, r, "/apps/"+v.app.Key+"/messages/"+receipt.MessageID.String())
}

// cid is the same for the same content of the same rendered form, so a double
// click sends once; a form that was changed after going back sends again. Its
// form is JPush's: the AppKey, a hyphen and a UUID.
func (d draft) cid(appKey string) string {
	sum := sha256.Sum256(compact(d))
	return fmt.Sprintf("%s-%x-%x-%x-%x-%x", appKey, sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
