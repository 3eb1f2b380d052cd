package apns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// A StoragePolicy says what APNs keeps of a channel for devices that are offline.
type StoragePolicy int

// The storage policies.
const (
	StoreNothing    StoragePolicy = 0
	StoreMostRecent StoragePolicy = 1 // the latest message, at most 8 hours
)

// A Channel is a broadcast channel of one app and environment.
type Channel struct {
	ID     string // base64, chosen by Apple
	Policy StoragePolicy
}

// A ChannelError is the answer of the channel API to a request that it did not carry out. Reason is Apple's word, for example
// FeatureNotEnabled, ChannelNotRegistered or CannotCreateChannelConfig (the limit of 10,000 channels).
type ChannelError struct {
	Status    int
	Reason    string
	RequestID string
}

func (e *ChannelError) Error() string {
	return fmt.Sprintf("apns: channel request refused: %d %s", e.Status, e.Reason)
}

// CreateChannel makes a channel, whose policy is fixed for ever.
func (b *Broadcaster) CreateChannel(ctx context.Context, bundleID string, policy StoragePolicy) (Channel, error) {
	if policy != StoreNothing && policy != StoreMostRecent {
		return Channel{}, fmt.Errorf("apns: storage policy %d: use StoreNothing or StoreMostRecent", policy)
	}
	body, _ := json.Marshal(map[string]any{"message-storage-policy": policy, "push-type": "LiveActivity"})
	answer, err := b.channel(ctx, "POST", bundleID, "channels", "", body, 201)
	if err != nil {
		return Channel{}, err
	}
	channel := Channel{ID: answer.header.Get("apns-channel-id"), Policy: policy}
	if channel.ID == "" {
		return Channel{}, errors.New("apns: a channel was created, but the answer does not name it")
	}
	b.remember(bundleID, channel)
	return channel, nil
}

// ReadChannel reads a channel's policy.
func (b *Broadcaster) ReadChannel(ctx context.Context, bundleID, channelID string) (Channel, error) {
	answer, err := b.channel(ctx, "GET", bundleID, "channels", channelID, nil, 200)
	if err != nil {
		return Channel{}, err
	}
	var content struct {
		Policy StoragePolicy `json:"message-storage-policy"`
	}
	if err := json.Unmarshal(answer.body, &content); err != nil {
		return Channel{}, fmt.Errorf("apns: unreadable description of a channel: %w", err)
	}
	channel := Channel{ID: channelID, Policy: content.Policy}
	b.remember(bundleID, channel)
	return channel, nil
}

func (b *Broadcaster) remember(bundleID string, channel Channel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.policies[bundleID+" "+channel.ID] = channel.Policy
}

// DeleteChannel deletes a channel; a message that APNs has stored for it is not recalled.
func (b *Broadcaster) DeleteChannel(ctx context.Context, bundleID, channelID string) error {
	_, err := b.channel(ctx, "DELETE", bundleID, "channels", channelID, nil, 204)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.policies, bundleID+" "+channelID)
	return nil
}

// ListChannels gives the ids of all channels of an app in this environment, at most 10,000.
func (b *Broadcaster) ListChannels(ctx context.Context, bundleID string) ([]string, error) {
	answer, err := b.channel(ctx, "GET", bundleID, "all-channels", "", nil, 200)
	if err != nil {
		return nil, err
	}
	var content struct{ Channels []string }
	if len(answer.body) == 0 {
		return nil, nil // Apple's text says that the body is empty, its sample shows an array
	}
	if err := json.Unmarshal(answer.body, &content); err != nil {
		return nil, fmt.Errorf("apns: unreadable list of channels: %w", err)
	}
	return content.Channels, nil
}

// channel makes one request to the management API. Requests about one channel name it; a POST and a list do not.
func (b *Broadcaster) channel(ctx context.Context, method, bundleID, resource, channelID string, body []byte, want int) (*httpAnswer, error) {
	reason := refuseBundle(bundleID)
	if about := method == "DELETE" || method == "GET" && resource == "channels"; about && reason == "" {
		reason = refuseChannel(channelID)
	}
	if reason != "" {
		return nil, refusedLocally(reason)
	}
	header := http.Header{}
	if channelID != "" {
		header.Set("apns-channel-id", channelID)
	}
	answer, err := b.do(ctx, method, b.manage+"/1/apps/"+bundleID+"/"+resource, header, body)
	if err != nil {
		return nil, &Failure{Cause: CauseNetwork, Safe: method != "POST", Err: err}
	}
	if answer.status != want && !slices.Contains([]int{200, 201, 204}, answer.status) {
		return nil, &ChannelError{Status: answer.status, Reason: answer.reason(), RequestID: answer.header.Get("apns-request-id")}
	}
	return answer, nil
}
