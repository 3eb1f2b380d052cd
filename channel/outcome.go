package channel

import (
	"errors"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/apns"
)

// outcomeOf says what an answer means and whose fault a failure is
// (spec/apns.md §3.2, DESIGN §3.7).
func outcomeOf(r *apns.Result) aurora.Outcome {
	if r.Accepted() {
		return aurora.Outcome{}
	}
	if f, ok := errors.AsType[*apns.Failure](r.Err); ok && r.Status == 0 {
		return failureOutcome(f)
	}
	o := aurora.Outcome{Reason: aurora.CleanText(r.Reason), Retry: r.RetryAfter}
	if o.Reason == "" {
		o.Reason = "Status" + statusText(r.Status)
	}
	switch r.Class() {
	case apns.ClassToken:
		o.Fault, o.InactiveAt = aurora.DeviceFault, r.Timestamp
	case apns.ClassCredential:
		o.Fault = aurora.CredentialFault
	case apns.ClassRate:
		o.Fault, o.Retry = aurora.VendorFault, max(o.Retry, rateWait(r.Reason))
	case apns.ClassServer, apns.ClassConnection:
		o.Fault = aurora.VendorFault
	case apns.ClassRequest:
		o.Fault = aurora.MessageFault
		if r.Reason == "BadTopic" || r.Reason == "MissingTopic" { // the topic is the app's, not the message's
			o.Fault = aurora.CredentialFault
		}
	default:
		o.Fault = aurora.OurFault
	}
	return o
}

func statusText(status int) string {
	return string([]byte{byte('0' + status/100%10), byte('0' + status/10%10), byte('0' + status%10)})
}

// rateWait is the least wait after a 429: for one device half a minute, for
// provider tokens Apple's 20 minutes (spec/apns.md §3.5).
func rateWait(reason string) time.Duration {
	if reason == "TooManyProviderTokenUpdates" {
		return 20 * time.Minute
	}
	return 30 * time.Second
}

func failureOutcome(f *apns.Failure) aurora.Outcome {
	o := aurora.Outcome{Reason: aurora.CleanText(f.Reason), Unsure: !f.Safe}
	switch f.Cause {
	case apns.CauseCredential:
		o.Fault = aurora.CredentialFault
		o.Reason = or(f.Reason, "BadCertificate")
	case apns.CauseRefusedLocally:
		o.Fault = aurora.MessageFault
		switch f.Reason {
		case "BadDeviceToken", "MissingDeviceToken":
			o.Fault = aurora.DeviceFault
		case "BadTopic", "MissingTopic", "TopicDisallowed": // the topic is the app's, not the message's
			o.Fault = aurora.CredentialFault
		}
		o.Reason = or(f.Reason, "Refused")
	default:
		o.Fault = aurora.VendorFault
		o.Reason = or(f.Reason, "ConnectionFailed")
		if o.Unsure {
			o.Reason = or(f.Reason, aurora.ReasonUnanswered)
		}
		if isUntrusted(f) {
			o.Reason = "UntrustedServer"
		}
	}
	return o
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}
