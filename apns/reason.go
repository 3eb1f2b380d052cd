package apns

import (
	"encoding/json"
	"time"
)

// A Class groups the gateway's answers by what the sender should do (spec 3.2).
type Class uint8

// The classes of answers.
const (
	// ClassNone: no answer.
	ClassNone Class = iota
	// ClassAccepted: APNs took it over.
	ClassAccepted
	// ClassToken: stop using this token for this topic and environment.
	ClassToken
	// ClassRequest: this request is wrong and must never be sent again unchanged.
	ClassRequest
	// ClassCredential: the credential or the account is wrong; pause everything that uses it.
	ClassCredential
	// ClassConnection: nothing wrong but the connection; the client resends such requests itself, twice at most.
	ClassConnection
	// ClassRate: slow down.
	ClassRate
	// ClassServer: a problem at Apple's side; send again later.
	ClassServer
	// ClassDefect: this client made a malformed request.
	ClassDefect
)

func (c Class) String() string {
	return [...]string{"none", "accepted", "token", "request", "credential", "connection", "rate", "server", "defect"}[min(c, ClassDefect)]
}

// reasons lists Apple's reason strings with their classes. Strings that are missing here are passed on unchanged and classed
// by their status.
var reasons = map[string]Class{
	"BadCollapseId":               ClassRequest,
	"BadDeviceToken":              ClassToken,
	"BadExpirationDate":           ClassRequest,
	"BadMessageId":                ClassRequest,
	"BadPriority":                 ClassRequest,
	"BadTopic":                    ClassRequest,
	"DeviceTokenNotForTopic":      ClassToken,
	"DuplicateHeaders":            ClassDefect,
	"IdleTimeout":                 ClassConnection,
	"InvalidPushType":             ClassRequest,
	"MissingDeviceToken":          ClassDefect,
	"MissingTopic":                ClassRequest,
	"PayloadEmpty":                ClassRequest,
	"TopicDisallowed":             ClassCredential,
	"BadCertificate":              ClassCredential,
	"BadCertificateEnvironment":   ClassCredential,
	"ExpiredProviderToken":        ClassCredential,
	"Forbidden":                   ClassCredential,
	"InvalidProviderToken":        ClassCredential,
	"MissingProviderToken":        ClassCredential,
	"UnrelatedKeyIdInToken":       ClassConnection,
	"BadEnvironmentKeyIdInToken":  ClassCredential,
	"BadEnvironmentKeyInToken":    ClassCredential,
	"BadPath":                     ClassDefect,
	"MethodNotAllowed":            ClassDefect,
	"ExpiredToken":                ClassToken,
	"Unregistered":                ClassToken,
	"PayloadTooLarge":             ClassRequest,
	"TooManyProviderTokenUpdates": ClassRate,
	"TooManyRequests":             ClassRate,
	"InternalServerError":         ClassServer,
	"ServiceUnavailable":          ClassServer,
	"Shutdown":                    ClassConnection,
	"FeatureNotEnabled":           ClassCredential,
	"MissingChannelId":            ClassRequest,
	"BadChannelId":                ClassRequest,
	"ChannelNotRegistered":        ClassRequest,
	"BadRequestPayload":           ClassRequest,
	"BadRequestParams":            ClassRequest,
	"MissingPushType":             ClassRequest,
	"CannotCreateChannelConfig":   ClassRequest,
	"TopicMismatch":               ClassCredential,
}

// reasonNames gives one shared string for each known reason, so that an answer allocates none.
var reasonNames = func() map[string]string {
	names := make(map[string]string, len(reasons))
	for reason := range reasons {
		names[reason] = reason
	}
	return names
}()

func classify(status int, reason string) Class {
	if status == 200 {
		return ClassAccepted
	}
	if class, ok := reasons[reason]; ok {
		return class
	}
	switch {
	case status == 410:
		return ClassToken
	case status == 429:
		return ClassRate
	case status == 403:
		return ClassCredential
	case status >= 500:
		return ClassServer
	case status >= 400:
		return ClassRequest
	}
	return ClassDefect
}

// credentialFatal are the reasons after which every further request with the same credential is useless.
func credentialFatal(reason string) bool {
	switch reason {
	case "BadCertificate", "BadCertificateEnvironment", "InvalidProviderToken", "MissingProviderToken",
		"BadEnvironmentKeyIdInToken", "BadEnvironmentKeyInToken":
		return true
	}
	return false
}

// condemns tells the reasons after which nothing more may be sent on the same connection.
func condemns(reason string) bool {
	return credentialFatal(reason) || reason == "ExpiredProviderToken" || reason == "UnrelatedKeyIdInToken"
}

// readErrorBody reads the body of a refusal: {"reason":"…","timestamp":milliseconds}. A body that is something else leaves both
// empty; the status speaks for itself.
func readErrorBody(body []byte) (reason string, timestamp time.Time) {
	if text, ok := plainReason(body); ok {
		return text, time.Time{}
	}
	var content struct {
		Reason    string
		Timestamp json.Number
	}
	// A field of an unexpected type spoils only itself, and text that is no JSON fills nothing: the error tells no more.
	_ = json.Unmarshal(body, &content)
	reason = content.Reason
	if known, ok := reasonNames[reason]; ok {
		reason = known
	}
	if ms, err := content.Timestamp.Int64(); err == nil && ms > 0 {
		timestamp = time.UnixMilli(ms)
	} else if ms, err := content.Timestamp.Float64(); err == nil && ms > 0 && ms < 1e15 {
		timestamp = time.UnixMilli(int64(ms))
	}
	return reason, timestamp
}

// plainReason recognises the compact form with a known reason and nothing else, which is what waves of refusals consist of.
func plainReason(body []byte) (string, bool) {
	const head, tail = `{"reason":"`, `"}`
	if len(body) < len(head)+len(tail) || string(body[:len(head)]) != head || string(body[len(body)-len(tail):]) != tail {
		return "", false
	}
	reason, ok := reasonNames[string(body[len(head):len(body)-len(tail)])]
	return reason, ok
}
