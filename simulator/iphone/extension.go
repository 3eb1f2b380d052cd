package iphone

import (
	"context"
	"errors"

	"github.com/aurora-push/aurora/device"
)

// rewritten is the notification as the sample app's service extension changes it.
func (n notice) rewritten(prefix string) notice {
	switch {
	case prefix == "":
	case n.title != "":
		n.title = prefix + n.title
	default:
		n.body = prefix + n.body
	}
	return n
}

// runExtension is the service extension: it reports the arrival before the notification is shown, whether the app runs or
// not (spec ios-sdk §10).
func (i *installation) runExtension(n notice) {
	i.phone.note("app", "service extension: didReceiveNotificationRequest, receipt \"received\" for message %s", n.name())
	switch {
	case i.client != nil:
		i.client.HandleReceived(n.Payload)
		return
	case i.extension != nil:
		i.extension.HandleReceived(n.Payload)
		return
	}
	options := i.options
	options.ReceiptsOnly = true
	client, err := device.New(options)
	if err != nil || i.phone.ctx.Err() != nil {
		return
	}
	i.extension = client
	client.HandleReceived(n.Payload)
	client.Start()
	i.phone.work.Go(func() { i.finishExtension(client) })
}

// finishExtension ends the extension's process once its receipts are delivered, or its time is over; then they stay in the
// store, which the extension shares with the app.
func (i *installation) finishExtension(client *device.Client) {
	ctx, cancel := context.WithTimeout(i.phone.ctx, extensionTimeout)
	defer cancel()
	for {
		err := client.Sync(ctx)
		if errors.Is(err, device.ErrClosed) {
			return
		}
		i.phone.mu.Lock()
		status, _ := client.Status()
		if err == nil && status.Receipts > 0 && status.RegistrationID != "" {
			i.phone.mu.Unlock() // another one has come meanwhile
			continue
		}
		if i.extension == client {
			i.show(status)
			i.phone.note("app", "service extension: finished, %d receipts wait", status.Receipts)
			i.endExtension()
			i.phone.bump()
		}
		i.phone.mu.Unlock()
		return
	}
}

func (i *installation) endExtension() {
	if i.extension != nil {
		closeClient(i.extension)
		i.extension = nil
	}
}
