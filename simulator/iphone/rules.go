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

// situation is what the phone is doing when a notification arrives.
type situation struct {
	locked     bool
	process    Process
	permission Permission
	settings   Settings
	build      Build
	focused    bool // a Focus is on and the app is not on its list
	breaks     bool // the Focus lets time-sensitive notifications through
	muted      bool
	wakesSpent bool      // the app's background wakes of this hour are used up
	activity   *Activity // the live activity that the notification is about, if it runs

	activityToken bool // the notification came by the token of one activity, not by the one that starts them
	deaf          bool // the system brings the app no VoIP pushes any more: it made no calls of those it got
}

// place is where a notification appears.
type place string

const (
	nowhere    place = ""
	onBanner   place = "banner"
	inAlert    place = "alert"
	lockScreen place = "lock screen"
	listOnly   place = "notification center"
	held       place = "held by the Focus" // in the list when the Focus ends
	onCard     place = "live activity"
)

// decision is what the phone does with a notification.
type decision struct {
	show      place
	lights    bool // the dark screen of a locked phone
	sound     bool
	badge     bool
	extension bool // the service extension runs first
	delegate  Via  // how the app's delegate hears of it now; "" = it does not
	launch    bool // the app has to be started in the background for that
	later     bool // the background wake waits for the next hour, or for the user to open the app
	card      change
	call      bool // PushKit hands it to the app, which is started if need be
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
	switch {
	case n.activity != nil:
		return decideActivity(s, n)
	case n.PushType == "voip":
		return decideCall(s)
	case n.foreign():
		return decision{status: statusOK, because: "the sample app does not take pushes of type " + n.PushType}
	}
	level, lacking := s.level(n)
	visible := s.permission.shows() && s.settings.Alerts && n.hasAlert()
	d := decision{
		status:    statusOK,
		extension: n.mutable && visible && s.build.Extension != nil, // in whichever state the app is
		because:   lacking,
	}
	if s.process == Foreground {
		d.delegate = ViaForeground
		s.presentForeground(&d, n, level, visible)
		return d
	}
	if n.contentAvailable {
		s.wake(&d)
	}
	if !s.permission.shows() {
		// A notification nobody may see is refused, so that APNs learns of it; a background push works all the same.
		if d.delegate == "" && !d.later {
			d.status = statusDisabled
		}
		if n.hasAlert() || n.sound != "" || n.badge != nil {
			d.because = "nothing shown: notifications are not allowed for this app"
		}
		return d
	}
	d.badge = n.badge != nil && s.settings.Badges
	if visible {
		d.show = s.placeOf(level)
	} else if n.hasAlert() {
		d.because = "nothing shown: alerts are switched off for this app"
	}
	s.silence(&d, n, level)
	d.lights = s.locked && d.show == lockScreen && level != passive
	return d
}

// Interruption levels (Apple: UNNotificationInterruptionLevel).
const (
	passive       = "passive"
	active        = "active"
	timeSensitive = "time-sensitive"
	critical      = "critical"
)

// level is the interruption level that counts. Without the capability or the user's consent a level is active, which is
// assumed (spec apns.md §8.6).
func (s situation) level(n notice) (level, lacking string) {
	switch {
	case n.level == timeSensitive && !s.build.TimeSensitive:
		return active, "treated as active: the app lacks the time-sensitive capability"
	case n.level == timeSensitive && !s.settings.TimeSensitive:
		return active, "treated as active: time-sensitive notifications are switched off for this app"
	case n.level == critical && !s.build.Critical:
		return active, "treated as active: the app lacks the entitlement for critical alerts"
	}
	return n.level, ""
}

// through says whether a notification of this level gets past the Focus.
func (s situation) through(level string) bool {
	return !s.focused || level == critical || level == timeSensitive && s.breaks
}

// placeOf says where a visible notification appears while its app is not on the screen.
func (s situation) placeOf(level string) place {
	switch {
	case !s.through(level):
		return held
	case s.permission == Provisional:
		return listOnly
	case s.locked:
		return lockScreen
	case level == passive:
		return listOnly
	case s.settings.Style == Alert:
		return inAlert
	case s.settings.Style == NoAlert:
		return listOnly
	}
	return onBanner
}

// silence says whether there is a sound: not for quiet levels, and critical alerts are heard in any case.
func (s situation) silence(d *decision, n notice, level string) {
	switch {
	case n.sound == "" || level == passive || s.permission == Provisional:
	case level == critical:
		d.sound = true
	case !s.settings.Sounds, !s.through(level):
	case s.muted:
		d.because = "no sound: the mute switch is on"
	default:
		d.sound = true
	}
}

// presentForeground shows what the delegate asked for in willPresentNotification; nothing by default.
func (s situation) presentForeground(d *decision, n notice, level string, visible bool) {
	p := s.build.Present
	if p == (Presentation{}) || !s.permission.shows() {
		d.because = "nothing on the screen, no sound: the app is in the foreground and decides by itself"
		return
	}
	switch {
	case !visible || !p.Banner && !p.List:
	case !s.through(level):
		d.show = held
	case p.Banner && level != passive && s.permission != Provisional && s.settings.Style != NoAlert:
		d.show = onBanner
	default:
		d.show = listOnly
	}
	d.badge = p.Badge && n.badge != nil && s.settings.Badges
	if p.Sound {
		s.silence(d, n, level)
	}
}

// wake says whether content-available wakes an app that is not on the screen.
func (s situation) wake(d *decision) {
	switch {
	case !s.build.BackgroundMode:
		d.because = "not woken: the app lacks the background mode “remote notifications”"
	case s.process == Killed:
		d.because = "not woken: the user has force-quit the app"
	case s.wakesSpent:
		d.later = true
		d.because = "not woken now: the app has used up its background wakes of this hour"
	default:
		d.delegate = ViaBackground
		d.launch = s.process == NotRunning
	}
}
