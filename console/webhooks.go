package console

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/webhook"
)

const deliveriesPerPage = 50

type webhooksPage struct {
	Endpoints []webhook.Endpoint
	Kinds     []aurora.EventKind
	URL       string
	Chosen    []string
	Problem   string
}

// Has reports whether a kind is ticked: at first all but message.accepted,
// which comes for every device of every push.
func (p webhooksPage) Has(k aurora.EventKind) bool {
	if p.Chosen == nil {
		return k != aurora.EventAccepted
	}
	return slices.Contains(p.Chosen, string(k))
}

func (c *console) webhooks(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showWebhooks(w, r, v, webhooksPage{}, nil)
}

func (c *console) showWebhooks(w http.ResponseWriter, r *http.Request, v visit, p webhooksPage, refusal error) (err error) {
	p.Kinds = aurora.EventKinds
	if p.Endpoints, err = c.Hooks.Endpoints(r.Context(), v.app.ID); err != nil {
		return err
	}
	if refusal != nil {
		return c.refuse(w, r, v, refusal, "webhooks", "Webhooks", func(problem string) any {
			p.Problem = problem
			return p
		})
	}
	return c.page(w, r, v, http.StatusOK, "webhooks", "Webhooks", p)
}

func (c *console) createWebhook(w http.ResponseWriter, r *http.Request, v visit) error {
	url, kinds := r.PostForm.Get("url"), r.PostForm["kind"]
	if len(kinds) == 0 {
		return c.showWebhooks(w, r, v, webhooksPage{URL: url, Chosen: []string{}}, aurora.Errorf(aurora.Missing, "Choose at least one kind of event."))
	}
	e, secret, err := c.Hooks.Create(r.Context(), v.app, webhook.Change{URL: &url, Kinds: kinds})
	if err != nil {
		return c.showWebhooks(w, r, v, webhooksPage{URL: url, Chosen: kinds}, err)
	}
	return c.showWebhook(w, r, v, e.ID, webhookPage{Secret: secret.Reveal()}, nil)
}

// webhookPage is one endpoint with its newest deliveries.
type webhookPage struct {
	Endpoint   webhook.Endpoint
	Deliveries []webhook.Delivery
	State      string
	More       int64
	Secret     string // just made; shown once
	Tested     *webhook.Delivery
	Problem    string
}

var deliveryStates = map[string]webhook.DeliveryState{"waiting": webhook.Waiting, "delivered": webhook.Delivered, "failed": webhook.GivenUp}

func (c *console) webhook(w http.ResponseWriter, r *http.Request, v visit) error {
	return c.showWebhook(w, r, v, r.PathValue("id"), webhookPage{}, nil)
}

func (c *console) showWebhook(w http.ResponseWriter, r *http.Request, v visit, id string, p webhookPage, refusal error) error {
	q := r.URL.Query()
	state, ok := deliveryStates[q.Get("state")]
	if p.State = q.Get("state"); !ok {
		state, p.State = -1, ""
	}
	before, err := strconv.ParseInt(q.Get("before"), 10, 64)
	if err != nil {
		before = 0
	}
	if p.Endpoint, p.Deliveries, err = c.Hooks.Deliveries(r.Context(), v.app.ID, id, state, before, deliveriesPerPage); err != nil {
		return err
	}
	if len(p.Deliveries) == deliveriesPerPage {
		p.More = p.Deliveries[deliveriesPerPage-1].ID
	}
	if refusal != nil {
		return c.refuse(w, r, v, refusal, "webhooks-one", "Webhook", func(problem string) any {
			p.Problem = problem
			return p
		})
	}
	return c.page(w, r, v, http.StatusOK, "webhooks-one", "Webhook", p)
}

// changeWebhook does what one of the page's buttons says.
func (c *console) changeWebhook(w http.ResponseWriter, r *http.Request, v visit) error {
	ctx, id, page := r.Context(), r.PathValue("id"), webhookPage{}
	here := "/apps/" + v.app.Key + "/webhooks/" + id
	said := ""
	var err error
	switch r.PostForm.Get("do") {
	case "enable", "disable":
		on := r.PostForm.Get("do") == "enable"
		_, err = c.Hooks.Change(ctx, v.app, id, webhook.Change{Enabled: &on})
		said = "The webhook was changed."
	case "rotate":
		var secret aurora.Secret
		if secret, err = c.Hooks.Rotate(ctx, v.app, id, 24*time.Hour); err == nil {
			page.Secret = secret.Reveal()
		}
	case "test":
		var d webhook.Delivery
		if d, err = c.Hooks.Test(ctx, v.app, id); err == nil {
			page.Tested = &d
		}
	case "replay":
		_, err = c.Hooks.Replay(ctx, v.app, id, webhook.Replay{Delivery: formID(r, "delivery")})
		said = "It is delivered again now."
	case "replay-failed":
		_, err = c.Hooks.Replay(ctx, v.app, id, webhook.Replay{From: c.now().Add(-7 * 24 * time.Hour), FailedOnly: true})
		said = "What failed in the last seven days is delivered again now."
	case "remove":
		if err = c.Hooks.Remove(ctx, v.app, id); err == nil {
			return c.done(w, r, "/apps/"+v.app.Key+"/webhooks", "The webhook was removed.")
		}
	default:
		return errNoPage
	}
	if err == nil && said != "" {
		return c.done(w, r, here, said)
	}
	if aurora.KindOf(err) == aurora.NotFound && err != nil {
		return err
	}
	return c.showWebhook(w, r, v, id, page, err)
}
