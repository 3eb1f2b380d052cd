package iphone

import (
	"encoding/hex"
	"slices"
	"strings"
)

// maxRetired is how many dead tokens an app's pushes are refused for; older ones are APNs' business alone.
const maxRetired = 16

// tokenKind is what a device token is for: the suffix that its topic adds to the bundle id (spec apns.md §2.3). Each kind is
// registered with APNs by itself.
type tokenKind string

const (
	appToken   tokenKind = ""
	startToken tokenKind = activityTopic // starts live activities; each that runs has a token of its own
	callToken  tokenKind = voipTopic
)

// kindOf splits the bundle id of a delivery.
func kindOf(bundleID string) (app string, kind tokenKind) {
	for _, kind := range []tokenKind{startToken, callToken} {
		if app, ok := strings.CutSuffix(bundleID, string(kind)); ok {
			return app, kind
		}
	}
	return bundleID, appToken
}

// kinds are the tokens that the app has asked for.
func (i *installation) kinds() []tokenKind {
	kinds := []tokenKind{appToken}
	if i.activityWanted {
		kinds = append(kinds, startToken)
	}
	if i.voipWanted {
		kinds = append(kinds, callToken)
	}
	return kinds
}

// tokenOf is where the token of a kind is kept.
func (i *installation) tokenOf(kind tokenKind) *string {
	switch kind {
	case startToken:
		return &i.activityToken
	case callToken:
		return &i.voipToken
	}
	return &i.token
}

// registerAll asks for the tokens that an app uses.
func (s *session) registerAll(i *installation) {
	for _, kind := range i.kinds() {
		s.register(i, kind)
	}
}

func (s *session) register(i *installation, kind tokenKind) {
	ref := s.ask(request{app: i, installID: i.installID, kind: kind})
	s.send(map[string]any{
		"op": "register", "ref": ref, "bundle_id": i.app.BundleID + string(kind), "environment": i.app.Environment, "install": i.installID,
	})
}

// want registers for a kind that the app did not use before.
func (i *installation) want(kind tokenKind, wanted *bool) {
	if *wanted && *i.tokenOf(kind) != "" {
		return
	}
	*wanted = true
	if i.phone.session != nil {
		i.phone.session.register(i, kind)
	}
}

// didRegister hands a token over to the app.
func (i *installation) didRegister(token string, r request) {
	if r.activity != nil {
		r.activity.didRegister(i, token)
		return
	}
	place, fresh := i.tokenOf(r.kind), false
	if *place != token {
		*place, fresh = token, true
		name := map[tokenKind]string{appToken: "device token", startToken: "push-to-start token of live activities", callToken: "VoIP token"}[r.kind]
		i.phone.note("apns", "APNs → phone: %s %.8s… for %s (%s)", name, token, i.app.Name, i.app.Environment)
	}
	switch {
	case r.kind == callToken && i.client != nil:
		if fresh {
			i.phone.note("app", "PushKit: didUpdatePushCredentials %.8s…, handed to the SDK", token)
		}
		i.client.RegisterVoIPToken(rawToken(token))
	case r.kind == startToken && i.client != nil:
		i.client.RegisterActivityStartToken(SampleActivity, rawToken(token))
	case r.kind == appToken && i.client != nil && i.handedOver != token:
		i.handOver(token)
	}
}

// rawToken are the bytes that the system hands to an app; nil if APNs has not sent hexadecimal digits.
func rawToken(token string) []byte {
	raw, err := hex.DecodeString(token)
	if err != nil {
		return nil
	}
	return raw
}

func (i *installation) handOver(token string) {
	raw, err := hex.DecodeString(token)
	if err != nil {
		i.phone.note("apns", "the device token is not hexadecimal: %.80q", token)
		return
	}
	i.handedOver = token
	i.phone.note("app", "delegate: didRegisterForRemoteNotificationsWithDeviceToken %.8s…, handed to the SDK", token)
	i.client.RegisterDeviceToken(raw)
}

// unknownToken says whether a delivery is addressed to an installation, an activity or a token of earlier.
func (i *installation) unknownToken(d delivery) bool {
	if d.Token == "" {
		return false
	}
	if slices.Contains(i.retired, strings.ToLower(d.Token)) {
		return true
	}
	_, kind := kindOf(d.BundleID)
	current := *i.tokenOf(kind)
	if current == "" || strings.EqualFold(d.Token, current) {
		return false
	}
	return kind != startToken || i.phone.activityOf(i, d.Token) == nil
}

// retire remembers a token that is dead, so that pushes to it are refused.
func (i *installation) retire(token string) {
	if token == "" {
		return
	}
	i.retired = append(i.retired, strings.ToLower(token))
	if over := len(i.retired) - maxRetired; over > 0 {
		i.retired = i.retired[over:]
	}
}

// RotateToken gives an installed app new device tokens, as after a restore from a backup: the app keeps its data and its
// registration at Aurora, the old tokens die. Without a session the new ones come with the next.
func (p *Phone) RotateToken(bundleID string) error {
	return p.try(func() error {
		i, err := p.find(bundleID)
		if err != nil {
			return err
		}
		p.note("phone", "the device token of %s is void", i.app.Name)
		i.installID = newInstallID()
		i.container.save(i)
		for _, kind := range i.kinds() {
			place := i.tokenOf(kind)
			i.retire(*place)
			*place = ""
		}
		if p.session != nil {
			p.session.registerAll(i)
		}
		return nil
	})
}

// Reinstall removes an app and installs it anew: no data, no permission, another token, another registration at Aurora.
func (p *Phone) Reinstall(bundleID string) error {
	p.mu.Lock()
	i, err := p.find(bundleID)
	if err != nil {
		p.mu.Unlock()
		return err
	}
	app, build := i.app, i.build
	p.mu.Unlock()
	if err := p.Uninstall(bundleID); err != nil {
		return err
	}
	app.Build = &build
	return p.Install(app)
}
