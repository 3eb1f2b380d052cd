package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/aurora-push/aurora/webhook"
)

// hookReceiver is a customer's server that counts the devices it is told of.
type hookReceiver struct {
	server *httptest.Server
	told   atomic.Int64
	posts  atomic.Int64
}

// startReceiver makes a webhook of the demo's app for every device that APNs
// accepts, delivered within this process by real HTTP.
func startReceiver(ctx context.Context, d *demo) (*hookReceiver, error) {
	r := &hookReceiver{}
	r.server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		var body struct {
			Data struct {
				IDs []string `json:"registration_ids"`
			} `json:"data"`
		}
		if json.NewDecoder(req.Body).Decode(&body) == nil {
			r.told.Add(int64(len(body.Data.IDs)))
			r.posts.Add(1)
		}
	}))
	d.cleanups = append(d.cleanups, func() error { r.server.Close(); return nil })
	e, _, err := d.server.Webhooks.Create(ctx, d.app, webhook.Change{URL: &r.server.URL, Kinds: []string{"message.accepted"}})
	if err != nil {
		return nil, err
	}
	d.cleanups = append(d.cleanups, func() error {
		return d.server.Webhooks.Remove(context.WithoutCancel(ctx), d.app, e.ID)
	})
	return r, nil
}

// await waits until so many devices were told of.
func (r *hookReceiver) await(ctx context.Context, devices int64) error {
	for end := time.Now().Add(5 * time.Minute); r.told.Load() < devices; {
		if time.Now().After(end) {
			return errors.New("the webhook was not told of every device within five minutes")
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
