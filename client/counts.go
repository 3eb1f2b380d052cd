package client

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The reports in JPush's words. [Client.Report] tells more, of one message, and
// why devices failed. A nil number means that it does not apply, or that nobody
// reported anything. An id that the app does not know has nil numbers only.

// maxMessages is how many messages one call may ask about.
const maxMessages = 100

// ReceivedCounts is how far a message got.
type ReceivedCounts struct {
	MessageID string  `json:"msg_id"`
	Sent      *uint64 `json:"ios_apns_sent"`     // taken by APNs
	Received  *uint64 `json:"ios_apns_received"` // reported by apps with a service extension
	InAppIOS  *uint64 `json:"ios_msg_received"`  // in-app messages that iPhones acknowledged
	InApp     *uint64 `json:"android_received"`  // that Android devices acknowledged
}

// Received returns how far messages got: an item for each id, in order. More than
// 100 are asked for in several calls.
func (c *Client) Received(ctx context.Context, messageIDs ...string) ([]ReceivedCounts, error) {
	return listOf[ReceivedCounts](ctx, &c.caller, "/v3/received", "msg_ids", messageIDs)
}

// ReceivedDetail returns how far messages got on each way, by JPush's names:
// docs/rest.md, "Reports". Besides numbers each has its msg_id.
func (c *Client) ReceivedDetail(ctx context.Context, messageIDs ...string) ([]map[string]any, error) {
	return listOf[map[string]any](ctx, &c.caller, "/v3/received/detail", "msg_ids", messageIDs)
}

// MessageCounts are the numbers of a message by platform.
type MessageCounts struct {
	MessageID string        `json:"msg_id"`
	IOS       IOSCounts     `json:"ios"`
	Android   AndroidCounts `json:"android"`
}

// IOSCounts are a message's numbers on iPhones.
type IOSCounts struct {
	Target        *uint64 `json:"apns_target"` // selected for the notification
	Sent          *uint64 `json:"apns_sent"`   // taken by APNs
	Received      *uint64 `json:"apns_received"`
	Opened        *uint64 `json:"click"`
	InAppTarget   *uint64 `json:"target"`
	InAppReceived *uint64 `json:"received"`
}

// AndroidCounts are a message's numbers on Android devices: in-app messages.
type AndroidCounts struct {
	Target   *uint64 `json:"target"`
	Handed   *uint64 `json:"online_push"`
	Received *uint64 `json:"received"`
	Opened   *uint64 `json:"msg_click"`
}

// MessageCounts returns the numbers of messages by platform: an item for each id,
// in order. More than 100 are asked for in several calls.
func (c *Client) MessageCounts(ctx context.Context, messageIDs ...string) ([]MessageCounts, error) {
	return listOf[MessageCounts](ctx, &c.caller, "/v3/messages", "msg_ids", messageIDs)
}

// MessageDetail are the numbers of a message by way and platform.
type MessageDetail struct {
	MessageID      string             `json:"msg_id"`      // of an app's message
	GroupMessageID string             `json:"group_msgid"` // of a push to a group
	IOS            map[string]*uint64 `json:"ios"`         // apns_target, apns_sent, apns_received, apns_click, msg_target, msg_received
	InApp          map[string]*uint64 `json:"jpush"`       // target, online_push, received, click, msg_click
	// Details has a member for each part of the push: notification, message,
	// live_activity.
	Details map[string]any `json:"details"`
}

// MessageDetails returns the numbers of messages by way and platform: an item for
// each id, in order. More than 100 are asked for in several calls.
func (c *Client) MessageDetails(ctx context.Context, messageIDs ...string) ([]MessageDetail, error) {
	return listOf[MessageDetail](ctx, &c.caller, "/v3/messages/detail", "msg_ids", messageIDs)
}

// listOf asks about messages, a hundred at a time.
func listOf[T any](ctx context.Context, by *caller, path, name string, ids []string) ([]T, error) {
	list := make([]T, 0, len(ids))
	for part := range slices.Chunk(ids, maxMessages) {
		var page []T
		if err := by.call(ctx, get(path, url.Values{name: {strings.Join(part, ",")}}), &page); err != nil {
			return list, err
		}
		list = append(list, page...)
	}
	return list, nil
}

// Delivery is what became of a message for one device.
type Delivery int

// The deliveries.
const (
	Delivered    Delivery = 0 // taken by APNs; an in-app message acknowledged
	NotDelivered Delivery = 1
	NotOurs      Delivery = 2 // the id is no device of the app's
	NotTargeted  Delivery = 3
)

// Deliveries tells what became of a message for each of the devices, by
// registration id. More than 1,000 are asked for in several calls.
// [Client.Timeline] says why.
func (c *Client) Deliveries(ctx context.Context, messageID string, registrationIDs ...string) (map[string]Delivery, error) {
	all := make(map[string]Delivery, len(registrationIDs))
	for ids := range slices.Chunk(registrationIDs, maxIDs) {
		var page map[string]struct {
			Status Delivery `json:"status"`
		}
		if err := c.call(ctx, post("/v3/status/message", map[string]any{"msg_id": messageID, "registration_ids": ids}), &page); err != nil {
			return all, err
		}
		for id, item := range page {
			all[id] = item.Status
		}
	}
	return all, nil
}

// users asks for statistics of an app or of a group.
type users struct {
	by   *caller
	path string
}

// UserCounts are the devices of one platform in one period.
type UserCounts struct {
	New    uint64 `json:"new"`    // registered in it
	Online uint64 `json:"online"` // asked or told Aurora something
	Active uint64 `json:"active"` // their app was opened
}

// Period is an hour, a day or a month.
type Period struct {
	Start   time.Time // in UTC+8, which hours, days and months are cut by
	IOS     UserCounts
	Android UserCounts
}

// UserUnit is how long a period is.
type UserUnit string

// The units of statistics.
const (
	ByHour  UserUnit = "HOUR"
	ByDay   UserUnit = "DAY"
	ByMonth UserUnit = "MONTH"
)

var userLayouts = map[UserUnit]string{ByHour: "2006-01-02 15", ByDay: time.DateOnly, ByMonth: "2006-01"}

// Users counts devices in n periods from the one that holds start. A call answers
// for at most 24 hours up to midnight, 60 days or 2 months; look at how many
// periods it returns. Of a group it is the sums of its apps: a phone with two of
// them counts in each.
func (u users) Users(ctx context.Context, unit UserUnit, start time.Time, n int) ([]Period, error) {
	var a struct {
		Items []struct {
			Time    string     `json:"time"`
			IOS     UserCounts `json:"ios"`
			Android UserCounts `json:"android"`
		} `json:"items"`
	}
	query := url.Values{"time_unit": {string(unit)}, "start": {start.In(chinaTime).Format(userLayouts[unit])}, "duration": {strconv.Itoa(n)}}
	if err := u.by.call(ctx, get(u.path, query), &a); err != nil {
		return nil, err
	}
	list := make([]Period, len(a.Items))
	for i, item := range a.Items {
		at, err := time.ParseInLocation(userLayouts[unit], item.Time, chinaTime)
		if err != nil {
			return nil, err
		}
		list[i] = Period{at, item.IOS, item.Android}
	}
	return list, nil
}
