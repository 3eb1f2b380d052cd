package iphone

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aurora-push/aurora/device"
)

// connect keeps the SDK connected for in-app messages while the app is on the screen. Airplane mode breaks the connection.
func (i *installation) connect() {
	if i.client != nil {
		i.client.SetConnected(i.process == Foreground && !i.phone.airplane.Load())
	}
}

// takeMessages shows in-app messages on the app's screen as they come.
func (i *installation) takeMessages(ctx context.Context, client *device.Client) {
	for {
		m, err := client.Receive(ctx)
		if err != nil {
			return
		}
		i.phone.update(func() {
			if i.client == client {
				i.didReceiveInApp(m)
			}
		})
	}
}

// didReceiveInApp is the app's observer of in-app messages. The SDK acknowledges them by itself.
func (i *installation) didReceiveInApp(m device.InAppMessage) {
	payload, err := json.Marshal(m)
	if err != nil { // it came as JSON
		payload = []byte("null")
	}
	i.phone.note("sdk", "Aurora → SDK: in-app message %s: %s", m.MessageID, cut(m.Content, 200))
	i.keep(Message{ID: "m" + m.MessageID, MessageID: m.MessageID, Via: ViaInApp, Title: m.Title, Body: m.Content, At: time.Now(), Payload: payload})
}
