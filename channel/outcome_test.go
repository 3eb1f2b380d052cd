package channel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

// TestOutcomes: every answer of APNs (spec/apns.md §3.2) is somebody's fault,
// and only what may help is tried again. Each case has connections of its own,
// because APNs and the client bind verdicts to them.
func TestOutcomes(t *testing.T) {
	w := startWorld(t)
	refuse := func(status int, reason string) localapns.Fault {
		return localapns.Fault{Status: status, Reason: reason}
	}
	fails := func(fault aurora.Fault, reason string) aurora.Outcome {
		return aurora.Outcome{Fault: fault, Reason: reason}
	}
	cases := []struct {
		name  string
		fault localapns.Fault
		want  aurora.Outcome // Retry is the least
	}{
		{"no script", localapns.Fault{Token: "none"}, aurora.Outcome{}},
		{"an unknown reason of a request", refuse(400, "NewReason"), fails(aurora.MessageFault, "NewReason")},
		{"an unknown reason of a credential", refuse(403, "NewReason"), fails(aurora.CredentialFault, "NewReason")},
		{"no reason", localapns.Fault{Status: 500, Body: new("")}, fails(aurora.VendorFault, "Status500")},
		{"a proxy's page", localapns.Fault{Status: 502, Body: new("<html>Bad gateway</html>")}, fails(aurora.VendorFault, "Status502")},
		{"410 without a reason", localapns.Fault{Status: 410, Body: new("{}")}, fails(aurora.DeviceFault, "Status410")},
		{"413 without a reason", localapns.Fault{Status: 413, Body: new("")}, fails(aurora.MessageFault, "Status413")},
		{"a body in pieces", localapns.Fault{Status: 400, Reason: "BadDeviceToken", SplitData: 3, Padding: 9, Continuation: true}, fails(aurora.DeviceFault, "BadDeviceToken")},
		{"a device that is too busy", refuse(429, "TooManyRequests"), aurora.Outcome{Fault: aurora.VendorFault, Reason: "TooManyRequests", Retry: 30 * time.Second}},
		{"too many provider tokens", refuse(429, "TooManyProviderTokenUpdates"), aurora.Outcome{Fault: aurora.VendorFault, Reason: "TooManyProviderTokenUpdates", Retry: 20 * time.Minute}},
		{"asked to wait", localapns.Fault{Status: 503, Reason: "ServiceUnavailable", RetryAfter: "120"}, aurora.Outcome{Fault: aurora.VendorFault, Reason: "ServiceUnavailable", Retry: 2 * time.Minute}},
		{"asked to wait after a 429", localapns.Fault{Status: 429, Reason: "TooManyRequests", RetryAfter: "600"}, aurora.Outcome{Fault: aurora.VendorFault, Reason: "TooManyRequests", Retry: 10 * time.Minute}},
		// What another connection mends is mended before anybody hears of it.
		{"shutdown, once", localapns.Fault{Status: 503, Reason: "Shutdown", Count: 1}, aurora.Outcome{}},
		{"idle timeout, once", localapns.Fault{Status: 400, Reason: "IdleTimeout", Count: 1}, aurora.Outcome{}},
		{"refused stream", localapns.Fault{RST: new(uint32(7)), Count: 1}, aurora.Outcome{}},
		{"going away before it", localapns.Fault{GoAway: &localapns.FaultGoAway{Last: "previous", Reason: "Shutdown"}, Count: 1}, aurora.Outcome{}},
		{"going away after it", localapns.Fault{GoAway: &localapns.FaultGoAway{Last: "this", Reason: "Shutdown"}, Count: 1}, aurora.Outcome{}},
		// What was written and never answered may have been delivered.
		{"hung up", localapns.Fault{Close: "fin", Count: 1}, aurora.Outcome{Fault: aurora.VendorFault, Reason: aurora.ReasonUnanswered, Unsure: true}},
		{"reset", localapns.Fault{Close: "rst", Count: 1}, aurora.Outcome{Fault: aurora.VendorFault, Reason: aurora.ReasonUnanswered, Unsure: true}},
		{"cut off within a frame", localapns.Fault{Close: "midframe", Count: 1}, aurora.Outcome{Fault: aurora.VendorFault, Reason: aurora.ReasonUnanswered, Unsure: true}},
		{"stream ended by an error", localapns.Fault{RST: new(uint32(2)), Count: 1}, aurora.Outcome{Fault: aurora.VendorFault, Reason: aurora.ReasonUnanswered, Unsure: true}},
	}
	for fault, answers := range map[aurora.Fault]map[int][]string{
		aurora.DeviceFault:     {400: {"BadDeviceToken", "DeviceTokenNotForTopic"}, 410: {"Unregistered", "ExpiredToken"}},
		aurora.MessageFault:    {400: {"BadCollapseId", "BadExpirationDate", "BadMessageId", "BadPriority", "InvalidPushType", "PayloadEmpty"}, 413: {"PayloadTooLarge"}},
		aurora.CredentialFault: {400: {"BadTopic", "MissingTopic", "TopicDisallowed"}, 403: {"BadCertificate", "BadCertificateEnvironment", "ExpiredProviderToken", "Forbidden", "InvalidProviderToken", "MissingProviderToken", "BadEnvironmentKeyIdInToken", "BadEnvironmentKeyInToken"}},
		aurora.VendorFault:     {500: {"InternalServerError"}, 503: {"ServiceUnavailable"}},
		aurora.OurFault:        {400: {"DuplicateHeaders", "MissingDeviceToken"}, 404: {"BadPath"}, 405: {"MethodNotAllowed"}},
	} {
		for status, reasons := range answers {
			for _, reason := range reasons {
				cases = append(cases, struct {
					name  string
					fault localapns.Fault
					want  aurora.Outcome
				}{reason, refuse(status, reason), fails(fault, reason)})
			}
		}
	}
	for i, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			w.apns.ClearFaults()
			check(t, w.apns.AddFault(tt.fault))
			got := deliver(t, w.openChannel(t), w.message(aurora.MessageID(1000+i)), strings.Repeat("0a", 32))
			if got.Retry < tt.want.Retry || tt.want.Retry == 0 && got.Retry != 0 {
				t.Errorf("waits %v, want %v", got.Retry, tt.want.Retry)
			}
			if tt.fault.Status == 410 && tt.fault.Body == nil {
				if gone := time.Since(got.InactiveAt); gone < 0 || gone > patience {
					t.Errorf("inactive since %v", got.InactiveAt)
				}
			}
			got.Retry, got.InactiveAt = 0, time.Time{}
			tt.want.Retry = 0
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if got.Reason != "" && len(aurora.ExplainReason(got.Reason)) < 20 {
				t.Errorf("%s has no explanation", got.Reason)
			}
		})
	}
}

// TestInactiveAt: the moment of a 410 is what decides whether a token that was
// registered again is alive.
func TestInactiveAt(t *testing.T) {
	w := startWorld(t)
	check(t, w.apns.AddFault(localapns.Fault{Status: 410, Reason: "Unregistered", GoneSeconds: 86400}))
	o := deliver(t, w.openChannel(t), w.message(1), strings.Repeat("0a", 32))
	if gone := time.Since(o.InactiveAt); gone < 86400*time.Second-time.Second || gone > 86400*time.Second+patience {
		t.Errorf("inactive for %v, want a day", gone)
	}
}

// TestMalformedTokenIsTheDevices: a token that cannot be one never reaches a
// path, and is no reason to stop the message.
func TestMalformedTokenIsTheDevices(t *testing.T) {
	w := startWorld(t)
	ch := w.openChannel(t)
	before := len(w.apns.Notifications(100))
	for _, token := range []string{"", "xyz", "../../x", "0a1"} {
		if o := deliver(t, ch, w.message(1), token); o.Fault != aurora.DeviceFault || o.Reason == "" || o.Unsure {
			t.Errorf("token %q: %+v", token, o)
		}
	}
	if n := len(w.apns.Notifications(100)); n != before {
		t.Errorf("%d of them were sent", n-before)
	}
}
