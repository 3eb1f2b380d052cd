package channel

import (
	"crypto/x509"
	"errors"
	"fmt"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/apns"
)

// TestFailureOutcome: without an answer, what matters is whether the
// notification may have gone out and whose turn it is to mend something.
func TestFailureOutcome(t *testing.T) {
	lost := errors.New("connection lost")
	untrusted := fmt.Errorf("dial: %w", x509.UnknownAuthorityError{})
	for _, tt := range []struct {
		failure apns.Failure
		want    aurora.Outcome
	}{
		{apns.Failure{Cause: apns.CauseNetwork, Safe: true, Err: lost}, aurora.Outcome{Fault: aurora.VendorFault, Reason: "ConnectionFailed"}},
		{apns.Failure{Cause: apns.CauseNetwork, Err: lost}, aurora.Outcome{Fault: aurora.VendorFault, Reason: aurora.ReasonUnanswered, Unsure: true}},
		{apns.Failure{Cause: apns.CauseNetwork, Safe: true, Reason: "Shutdown"}, aurora.Outcome{Fault: aurora.VendorFault, Reason: "Shutdown"}},
		{apns.Failure{Cause: apns.CauseNetwork, Safe: true, Err: untrusted}, aurora.Outcome{Fault: aurora.VendorFault, Reason: "UntrustedServer"}},
		{apns.Failure{Cause: apns.CauseProtocol, Safe: true, Err: lost}, aurora.Outcome{Fault: aurora.VendorFault, Reason: "ConnectionFailed"}},
		{apns.Failure{Cause: apns.CauseClosed, Safe: true}, aurora.Outcome{Fault: aurora.VendorFault, Reason: "ConnectionFailed"}},
		{apns.Failure{Cause: apns.CauseCancelled}, aurora.Outcome{Fault: aurora.VendorFault, Reason: aurora.ReasonUnanswered, Unsure: true}},
		{apns.Failure{Cause: apns.CauseCredential, Safe: true}, aurora.Outcome{Fault: aurora.CredentialFault, Reason: "BadCertificate"}},
		{apns.Failure{Cause: apns.CauseCredential, Safe: true, Reason: "InvalidProviderToken"}, aurora.Outcome{Fault: aurora.CredentialFault, Reason: "InvalidProviderToken"}},
		{apns.Failure{Cause: apns.CauseRefusedLocally, Safe: true, Reason: "BadDeviceToken"}, aurora.Outcome{Fault: aurora.DeviceFault, Reason: "BadDeviceToken"}},
		{apns.Failure{Cause: apns.CauseRefusedLocally, Safe: true, Reason: "PayloadTooLarge"}, aurora.Outcome{Fault: aurora.MessageFault, Reason: "PayloadTooLarge"}},
		{apns.Failure{Cause: apns.CauseRefusedLocally, Safe: true, Reason: "BadTopic"}, aurora.Outcome{Fault: aurora.CredentialFault, Reason: "BadTopic"}},
	} {
		got := outcomeOf(&apns.Result{Reason: tt.failure.Reason, Err: &tt.failure})
		if got != tt.want {
			t.Errorf("%v (safe %v): %+v, want %+v", &tt.failure, tt.failure.Safe, got, tt.want)
		}
	}
}
