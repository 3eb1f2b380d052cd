package aurora

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Fault says whose fault a failed delivery is. Dispatch has one branch for
// each (DESIGN §3.7): nothing else about an answer decides what happens next.
type Fault uint8

// The faults.
const (
	NoFault         Fault = iota // delivered to the vendor
	DeviceFault                  // this device cannot be reached: retire its token
	MessageFault                 // the message is wrong for everyone: stop it
	CredentialFault              // the app's credential is refused: park the app's channel
	VendorFault                  // the vendor is busy or down: try again later
	OurFault                     // a defect here: log, alert, count
)

// String names the fault in one lower-case word.
func (f Fault) String() string {
	return [...]string{"none", "device", "message", "credential", "vendor", "ours"}[f]
}

// Outcome is what became of one message for one device.
type Outcome struct {
	Fault  Fault
	Reason string // the vendor's word, such as "BadDeviceToken"; "" when accepted
	// InactiveAt is when the vendor established that the token was dead (APNs
	// 410 timestamp); zero if it did not say. A token registered later than
	// this is live again.
	InactiveAt time.Time
	// Retry asks for another attempt after the given wait; zero means the
	// outcome is final.
	Retry time.Duration
	// Unsure is set when the request was written and never answered: it may
	// have been delivered.
	Unsure bool
}

// Accepted reports whether the vendor took the notification.
func (o Outcome) Accepted() bool { return o.Fault == NoFault }

// Delivery is one notification on its way to one device.
type Delivery struct {
	Number uint32 // the device's number in its app
	Token  string // lower-case hex
	Badge  int    // for the app's icon; NoBadge means what the message says for all
	Urgent bool   // goes before those that are not and wait for the same vendor
}

// NoBadge in a Delivery means that the device has no number of its own.
const NoBadge = -1

// Route is an open way to a vendor for one message: with its credential
// loaded and the part of the payload that is the same for all devices built.
type Route struct {
	CredentialID int64
	// Parked is why the credential was refused less than a minute ago; nothing
	// can be sent then, and Send is nil.
	Parked string
	// Refused is why this credential can send nothing of this kind; Send is nil.
	Refused string
	// Send submits one delivery and may block for room. done is called exactly
	// once, on any goroutine, and must be quick. An error means that the
	// context ended before the delivery was submitted; done is not called then.
	Send func(ctx context.Context, d Delivery, done func(Delivery, Outcome)) error
}

// Mark is the name of a set of devices that the ledger keeps for a message:
// one bitmap for each (message, block, mark).
type Mark string

// The marks. Failures are "failed:" and a reason.
const (
	Targeted Mark = "targeted" // selected by the audience
	Accepted Mark = "accepted" // taken by the vendor (200 from APNs)
	Received Mark = "received" // reported by the SDK on the device
	Opened   Mark = "opened"   // the user opened the app through it

	failedPrefix = "failed:"
)

// Reasons for which Aurora itself does not send.
const (
	ReasonNoToken          = "NoToken"          // the device has no push token
	ReasonOtherEnvironment = "OtherEnvironment" // its token belongs to the other APNs environment
	ReasonPushDisabled     = "PushDisabled"     // switched off in the SDK
	ReasonNoChannel        = "NoChannel"        // no channel for the platform
	ReasonNoCredential     = "NoCredential"     // the app has no valid credential for the environment
	ReasonExpired          = "Expired"          // time_to_live ran out before it could be sent
	ReasonStopped          = "Stopped"          // its owner stopped the message
	ReasonUnanswered       = "Unanswered"       // sent, but never answered
	ReasonDamaged          = "Damaged"          // the stored message could no longer be read
	ReasonNoVoIPToken      = "NoVoIPToken"      // the app has not reported a PushKit token
	ReasonNoActivityToken  = "NoActivityToken"  // the app has not reported a token for the live activity
	ReasonNeedsKey         = "NeedsKey"         // APNs takes live activities with a key only
	ReasonNoVoIPTopic      = "NoVoIPTopic"      // the app's certificate is not for VoIP pushes
	ReasonNotConnected     = "NotConnected"     // an in-app message that nobody was connected for, or fetched in time
	ReasonOverflow         = "Overflow"         // an in-app message before the five newest that waited for the device
	ReasonReplaced         = "Replaced"         // an in-app message that another push took the place of
)

// Failed returns the mark for devices that failed for a reason.
func Failed(reason string) Mark { return Mark(failedPrefix + reason) }

// FailedReason returns the reason of a failure mark.
func (m Mark) FailedReason() (string, bool) { return strings.CutPrefix(string(m), failedPrefix) }

// ExplainReason says in one sentence what a reason means and what to do. The
// reasons are APNs's (Apple: Handling notification responses from APNs) and
// Aurora's own.
func ExplainReason(reason string) string {
	return ExplainReasonIn(reason, func(text string) string { return text })
}

// ExplainReasonIn does the same in another language: translate gets the whole
// sentences of ExplainReason, with %s for a reason that is not known.
func ExplainReasonIn(reason string, translate func(string) string) string {
	if s, ok := reasonTexts[reason]; ok {
		if what, ours := strings.CutSuffix(s, ourDefect); ours {
			return translate(what) + translate(ourDefect)
		}
		return translate(s)
	}
	if status, ok := strings.CutPrefix(reason, "Status"); ok {
		return fmt.Sprintf(translate("APNs, or something between here and APNs, answered with HTTP status %s and gave no reason. Check for a proxy on the way."), status)
	}
	return fmt.Sprintf(translate("APNs answered %s. Look the word up in Apple's \"Handling notification responses from APNs\"."), reason)
}

const ourDefect = " This is a defect of Aurora: please report it with the log."

var reasonTexts = map[string]string{
	ReasonDamaged:          "The stored message could no longer be read: the database or its disk is damaged. Run `aurora doctor --data DIR`, check the disk, and restore a backup if there is more.",
	ReasonNoToken:          "The device has registered but has not reported a push token. Check that the app calls registerForRemoteNotifications, has the Push Notifications capability, and hands the token to the SDK.",
	ReasonOtherEnvironment: "The device's token belongs to the other APNs environment than the push. Send with the matching apns_production, or install a build signed for that environment.",
	ReasonPushDisabled:     "Pushes are switched off for this device in the app (push_enabled is false).",
	ReasonNoChannel:        "Aurora has no channel for this device's platform yet.",
	ReasonNoCredential:     "The app has no validated certificate or key for this environment. Upload one on the app's page.",
	ReasonExpired:          "The message's time to live ended before it could be sent.",
	ReasonStopped:          "The message was stopped before this device's turn.",
	ReasonNoVoIPToken:      "The app has not reported a PushKit token. It does when it has the Voice over IP capability, registers with PushKit, and hands the token to the SDK.",
	ReasonNoActivityToken:  "The app has not reported a token for this live activity: a push-to-start token for the type of its attributes, or the token of the running activity.",
	ReasonNeedsKey:         "APNs takes live activities from senders with a .p8 key only, and the app has a certificate. Upload a key.",
	ReasonNoVoIPTopic:      "The app's certificate does not cover VoIP pushes. Upload a .p8 key, or a certificate that lists the topic ending in .voip.",
	ReasonNotConnected:     "The app did not connect to Aurora while the in-app message was kept (time_to_live). It connects when it runs in the foreground with the SDK.",
	ReasonOverflow:         "More than five in-app messages waited for the device while it was not connected; the oldest were dropped.",
	ReasonReplaced:         "Another push took the place of the in-app message (override_msg_id) before the device fetched it.",
	ReasonUnanswered:       "APNs never answered; the notification may or may not have been delivered.",

	"BadDeviceToken":              "APNs does not know the token: it is malformed or belongs to the other environment. Check APS_FOR_PRODUCTION against how the build was signed.",
	"Unregistered":                "The token is no longer active: the app was removed or the token replaced. Aurora retired it; a new registration brings the device back.",
	"ExpiredToken":                "The token has expired. Aurora retired it; a new registration brings the device back.",
	"DeviceTokenNotForTopic":      "The token belongs to an app with another bundle id. Check that the AppKey in PushConfig.plist is this app's.",
	"TopicDisallowed":             "The credential may not push to this bundle id. Upload the certificate or key that belongs to it.",
	"BadTopic":                    "The credential does not cover this bundle id. Upload the certificate or key that belongs to it.",
	"MissingTopic":                "The certificate covers several topics and the push named none.",
	"PayloadTooLarge":             "The payload is over 4096 bytes. Shorten the alert or the extras.",
	"PayloadEmpty":                "The payload is empty or not JSON.",
	"BadCollapseId":               "The collapse id is over 64 bytes, or holds what a header field cannot.",
	"BadPriority":                 "The priority does not fit the push type.",
	"BadExpirationDate":           "APNs could not read the expiration date.",
	"InvalidPushType":             "APNs does not accept the push type.",
	"BadCertificate":              "APNs refused the certificate. Upload a current one.",
	"BadCertificateEnvironment":   "The certificate is for the other environment. Upload it to the slot it belongs to.",
	"CertificateExpired":          "The certificate has expired. Upload a new one.",
	"ExpiredProviderToken":        "APNs found the provider token too old. Check this server's clock.",
	"InvalidProviderToken":        "APNs refused the provider token. Check the key id and team id, and that the key was not revoked.",
	"MissingProviderToken":        "No credential reached APNs. Upload a certificate or key.",
	"UnrelatedKeyIdInToken":       "The key differs from the one this connection began with.",
	"BadEnvironmentKeyIdInToken":  "The key is restricted to the other environment.",
	"BadEnvironmentKeyInToken":    "The key is restricted to the other environment.",
	"Forbidden":                   "APNs forbids this action for the credential.",
	"TooManyProviderTokenUpdates": "The provider token changed too often; APNs accepts one change in 20 minutes.",
	"TooManyRequests":             "Too many notifications to one device in a short time.",
	"InternalServerError":         "APNs had an internal error. Aurora tried again until its attempts ran out.",
	"ServiceUnavailable":          "APNs was not available. Aurora tried again until its attempts ran out.",
	"Shutdown":                    "The APNs node was shutting down. Aurora tried again until its attempts ran out.",
	"ConnectionFailed":            "APNs could not be reached. Check the network, the firewall (port 443 or 2197) and the --apns settings.",
	"UntrustedServer":             "The APNs server's certificate is not trusted. Check --apns-ca.",
	"IdleTimeout":                 "APNs closed the idle connection.",
	"BadMessageId":                "APNs refused the notification's id." + ourDefect,
	"DuplicateHeaders":            "A header was sent twice." + ourDefect,
	"MethodNotAllowed":            "The request method was wrong." + ourDefect,
	"BadPath":                     "The request path was wrong." + ourDefect,
	"MissingDeviceToken":          "The request held no device token." + ourDefect,
}

// ReceiptEvent is what a device reports about a message.
type ReceiptEvent string

// The receipt events.
const (
	ReceivedEvent ReceiptEvent = "received" // it arrived at the app or its service extension
	OpenedEvent   ReceiptEvent = "opened"   // the user opened the app through it
)

// Receipt is one report from a device. It is a statement by the app, not by
// Apple, and may arrive late, twice or never.
type Receipt struct {
	MessageID MessageID
	Event     ReceiptEvent
	At        time.Time // by the device's clock
	Part      Part      // which delivery, if the app said so
}
