package iphone

import (
	"context"

	"github.com/aurora-push/aurora/device"
)

// This file is the sample app's code: what its delegate does when the system calls it. Everything runs with Phone.mu held.

// launch starts the app's process if there is none.
func (i *installation) launch(state Process) {
	if i.client != nil {
		i.process = state
		return
	}
	if i.phone.ctx.Err() != nil {
		return // switched off
	}
	i.endExtension()
	client, err := device.New(i.options)
	if err != nil {
		i.phone.note("app", "%s crashed at launch: %v", i.app.Name, err) // Install has tried the same options
		return
	}
	ctx, cancel := context.WithCancel(i.phone.ctx)
	i.client, i.endWatch, i.process, i.handedOver = client, cancel, state, ""
	i.launches++
	i.phone.note("app", "delegate: didFinishLaunchingWithOptions (in the %s)", state)
	if i.shown, _ = client.Status(); i.shown.RegistrationID != "" {
		i.phone.note("sdk", "SDK: known to Aurora as %s", i.shown.RegistrationID)
	}
	client.Start()
	i.phone.work.Go(func() { i.watch(ctx, client) })
	i.phone.work.Go(func() { i.takeMessages(ctx, client) })
	if i.permission != NotDetermined {
		i.report()
	}
}

// watch follows the SDK's state, so that the app's screen shows it.
func (i *installation) watch(ctx context.Context, client *device.Client) {
	for {
		status, changed := client.Status()
		i.phone.update(func() {
			if i.client == client {
				i.show(status)
			}
		})
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// show takes over what the SDK says about itself, and logs what is new to a person.
func (i *installation) show(status device.Status) {
	before := i.shown
	i.status, i.shown = status, status
	if status.RegistrationID != "" && status.RegistrationID != before.RegistrationID {
		i.phone.note("sdk", "Aurora → SDK: registration id %s", status.RegistrationID)
	}
	if status.Failure != nil {
		if text := status.Failure.Error(); text != i.toldFailure {
			i.toldFailure = text
			i.phone.note("sdk", "%s", text)
		}
		return
	}
	i.toldFailure = ""
	if status.Receipts == 0 && before.Receipts > 0 {
		i.phone.note("sdk", "SDK → Aurora: all receipts delivered")
	}
	if !status.Pending && before.Pending && status.RegistrationID != "" {
		i.phone.note("sdk", "SDK → Aurora: everything the app has set is confirmed")
	}
}

// becomeActive is called when the app comes to the screen: it clears its badge, and asks for permission at the first time.
func (i *installation) becomeActive() {
	i.phone.note("app", "delegate: applicationDidBecomeActive")
	i.badge = 0
	i.client.SetBadge(0)
	i.client.Retry()
	i.connect()
	if i.permission != NotDetermined {
		return
	}
	switch answer := i.phone.config.Permission; {
	case i.build.Provisional:
		i.grant(Provisional)
	case answer == AutoAllow:
		i.grant(Allowed)
	case answer == AutoDeny:
		i.grant(Denied)
	default:
		i.phone.asking = i
		i.phone.note("screen", "the system asks whether %s may send notifications", i.app.Name)
	}
}

// grant is the completion handler of the permission question, or a change in the Settings app; the token is asked for in
// either case, since background pushes need no permission.
func (i *installation) grant(permission Permission) {
	first := i.permission == NotDetermined
	i.permission = permission
	i.phone.note("user", "notifications for %s: %s", i.app.Name, i.permission)
	i.container.save(i)
	if i.client == nil {
		return
	}
	if first {
		i.report()
		return
	}
	i.client.SetNotificationsAllowed(permission.shows())
}

// report tells the SDK about the permission and registers with APNs, which apps must do at each launch (Apple: Registering
// your app with APNs).
func (i *installation) report() {
	i.client.SetNotificationsAllowed(i.permission.shows())
	i.phone.note("app", "registerForRemoteNotifications")
	if !i.registered {
		i.registered = true
		i.container.save(i)
	}
	i.activityWanted = i.activityWanted || i.build.LiveActivities
	i.voipWanted = i.voipWanted || i.build.VoIP
	if i.phone.session == nil {
		i.phone.note("phone", "no session to APNs; the registration waits for one")
		return
	}
	i.phone.session.registerAll(i)
}

var delegateMethods = map[Via]string{
	ViaForeground: "didReceiveRemoteNotification (in the foreground)",
	ViaBackground: "didReceiveRemoteNotification:fetchCompletionHandler (woken in the background)",
	ViaOpened:     "didReceiveNotificationResponse (the user opened it)",
	ViaAction:     "didReceiveNotificationResponse (the user pressed a button)",
	ViaDismissed:  "didReceiveNotificationResponse (the user cleared it)",
	ViaVoIP:       "pushRegistry:didReceiveIncomingPushWithPayload",
	ViaAnswered:   "provider:performAnswerCallAction (the user took the call)",
}

// didReceive is the delegate's share in a notification: note it for the app's screen and tell the SDK.
func (i *installation) didReceive(n Notification, r response) {
	if i.client == nil {
		return // the phone is being switched off
	}
	i.phone.note("app", "delegate: %s %s", delegateMethods[r.via], cut(string(n.Payload), 400))
	if r.action != "" {
		i.phone.note("app", "action %s%s", r.action, quoted(r.text))
	}
	i.keep(Message{
		ID: n.ID, MessageID: n.MessageID, Via: r.via, Action: r.action, Text: r.text,
		Title: n.Title, Body: n.Body, At: n.At, Payload: n.Payload,
	})
	event := "received"
	if r.via == ViaOpened || r.via == ViaAction || r.via == ViaAnswered {
		event = "opened"
		i.client.HandleOpened(n.Payload)
	} else {
		i.client.HandleReceived(n.Payload)
	}
	if n.MessageID != "" {
		i.phone.note("sdk", "receipt %q for message %s", event, n.MessageID)
	}
}

func (i *installation) keep(m Message) {
	if len(i.messages) == maxMessages {
		i.messages = i.messages[1:]
	}
	i.messages = append(i.messages, m)
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return " with the text “" + cut(text, 100) + "”"
}

// endProcess ends the app: by the user (Killed) or the system (NotRunning). What the SDK has not delivered is in its store.
func (i *installation) endProcess(how Process) {
	i.process = how
	if how == Killed {
		i.dropHeld()
	}
	if i.phone.front == i {
		i.phone.front = nil
	}
	if i.phone.asking == i {
		i.phone.asking = nil
	}
	if i.client == nil {
		return
	}
	i.endWatch()
	i.status, _ = i.client.Status()
	closeClient(i.client)
	i.client = nil
}

// closeClient waits for the SDK's goroutine, which gives up at once: none of its work needs Phone.mu.
func closeClient(client *device.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	client.Close(ctx)
}
