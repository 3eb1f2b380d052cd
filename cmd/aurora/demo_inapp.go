package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aurora-push/aurora/simulator/iphone"
)

// inApp is the other way of a push: a message for the app itself, which waits
// at Aurora until the app connects, and never goes through APNs.
func (s *script) inApp() error {
	fmt.Fprintln(s.out, "-- an in-app message, for an app that is not open")
	s.phone.Home()
	body, err := json.Marshal(map[string]any{
		"platform": "all",
		"audience": map[string]any{"registration_id": []string{s.app.RegistrationID}},
		"message":  map[string]any{"msg_content": "Table 7 is free", "title": "Waiter"},
	})
	if err != nil {
		return err
	}
	var answer struct {
		MessageID string `json:"msg_id"`
	}
	if err := s.call(http.MethodPost, s.demo.server.URL()+"/v3/push", body, &answer); err != nil {
		return err
	}
	s.say("D", "POST /v3/push accepted: msg_id %s; it waits at Aurora", answer.MessageID)
	if err := s.phone.Open(s.demo.app.BundleID); err != nil {
		return err
	}
	st, err := s.see("the open app with the in-app message", func(st iphone.State) bool { return s.received(st, answer.MessageID, iphone.ViaInApp) })
	if err != nil {
		return err
	}
	for _, n := range st.NotificationCenter {
		if n.MessageID == answer.MessageID {
			return errors.New("the system shows the in-app message")
		}
	}
	s.say("F", "the app was opened, connected and has %q; the system shows nothing", "Table 7 is free")
	return s.inAppReport(answer.MessageID)
}

func (s *script) inAppReport(id string) error {
	deadline := time.Now().Add(stepTime)
	for {
		var items []struct {
			Sent     *uint64 `json:"ios_apns_sent"`
			Received *uint64 `json:"ios_msg_received"`
		}
		if err := s.call(http.MethodGet, s.demo.server.URL()+"/v3/received?msg_ids="+id, nil, &items); err != nil {
			return err
		}
		if len(items) == 1 && items[0].Sent == nil && items[0].Received != nil && *items[0].Received == 1 {
			s.say("G", "on record: acknowledged by 1, sent to APNs none")
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not observed within %v: the acknowledgement of %s", stepTime, id)
		}
		if err := sleep(s.ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}
