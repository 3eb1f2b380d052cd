package iphone

// Process says how an app is running.
type Process string

// The states of an app's process.
const (
	NotRunning Process = "not-running" // never started, or ended by the system: may be started in the background
	Foreground Process = "foreground"  // on the screen of the unlocked phone
	Background Process = "background"  // alive, not on the screen
	Killed     Process = "killed"      // force-quit by the user: not started until the user opens it
)

// Permission says whether an app may show notifications.
type Permission string

// The states of the permission.
const (
	NotDetermined Permission = "not-determined"
	Allowed       Permission = "allowed"
	Denied        Permission = "denied"
)

// AlertStyle is how notifications appear on the unlocked phone.
type AlertStyle string

// The alert styles.
const (
	Banner AlertStyle = "banner" // slides in at the top and goes by itself
	Alert  AlertStyle = "alert"  // a dialog with Close and View
)

// situation is what the phone is doing when a notification arrives.
type situation struct {
	locked     bool
	process    Process
	permission Permission
	style      AlertStyle
}

// place is where a notification appears.
type place string

const (
	nowhere    place = ""
	onBanner   place = "banner"
	inAlert    place = "alert"
	lockScreen place = "lock screen"
	listOnly   place = "notification center"
)

// decision is what the phone does with a notification.
type decision struct {
	show      place
	sound     bool
	badge     bool
	extension bool // the service extension runs first
	delegate  Via  // how the app's delegate hears of it now; "" = it does not
	launch    bool // the app has to be started in the background for that
	status    string
	because   string // for the log, where nothing or less than expected happens
}

// Answers to APNs.
const (
	statusOK         = "ok"
	statusAppMissing = "app-missing"
	statusDisabled   = "disabled"
)

// decide is the one place that says what a notification does (spec apns.md §8.5, §8.6; Apple: Handling notifications and
// notification-related actions).
func decide(s situation, n notice) decision {
	if n.foreign() {
		return decision{status: statusOK, because: "the sample app does not take pushes of type " + n.PushType}
	}
	allowed := s.permission == Allowed
	d := decision{
		status: statusOK,
		// The extension runs for what could be seen only, in whichever state the app is.
		extension: n.mutable && n.hasAlert() && allowed,
	}
	if s.process == Foreground {
		d.delegate = ViaForeground
		d.because = "nothing on the screen, no sound: the app is in the foreground and decides by itself"
		return d
	}
	if n.contentAvailable {
		if s.process == Killed {
			d.because = "not woken: the user has force-quit the app"
		} else {
			d.delegate = ViaBackground
			d.launch = s.process == NotRunning
		}
	}
	if !allowed {
		// A notification nobody may see is refused, so that APNs learns of it; a background push works all the same.
		if d.delegate == "" {
			d.status = statusDisabled
		}
		if n.hasAlert() || n.sound != "" || n.badge != nil {
			d.because = "nothing shown: notifications are not allowed for this app"
		}
		return d
	}
	d.badge = n.badge != nil
	d.sound = n.sound != "" && n.level != "passive"
	switch {
	case !n.hasAlert():
	case s.locked:
		d.show = lockScreen
	case n.level == "passive":
		d.show = listOnly
	case s.style == Alert:
		d.show = inAlert
	default:
		d.show = onBanner
	}
	return d
}
