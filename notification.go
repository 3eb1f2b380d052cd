package aurora

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// IOSNotification is JPush's notification.ios block (spec/rest-api.md §7.5).
// A nil or empty field is absent: the server invents neither sound nor badge.
type IOSNotification struct {
	Alert             json.RawMessage            `json:"alert,omitempty"` // a string or an object
	Sound             json.RawMessage            `json:"sound,omitempty"` // a string, or an object for critical alerts
	Badge             *Badge                     `json:"badge,omitempty"`
	ContentAvailable  bool                       `json:"content-available,omitempty"`
	MutableContent    bool                       `json:"mutable-content,omitempty"`
	Category          string                     `json:"category,omitempty"`
	ThreadID          string                     `json:"thread-id,omitempty"`
	InterruptionLevel string                     `json:"interruption-level,omitempty"`
	Extras            map[string]json.RawMessage `json:"extras,omitempty"` // become top-level keys beside aps
}

// InterruptionLevels are the values Apple defines (Apple: UNNotificationInterruptionLevel).
var InterruptionLevels = []string{"passive", "active", "time-sensitive", "critical"}

func (n *IOSNotification) validate(shared json.RawMessage) error {
	if n.Alert == nil && shared == nil && !n.ContentAvailable {
		return Errorf(Invalid, "notification.ios has no alert, and there is no shared notification.alert. Add one, or set content-available for a silent push.")
	}
	if n.InterruptionLevel != "" && !slices.Contains(InterruptionLevels, n.InterruptionLevel) {
		return Errorf(Invalid, "interruption-level must be one of %s.", strings.Join(InterruptionLevels, ", "))
	}
	size := sizeOf(n)
	if n.Alert == nil {
		size += len(shared)
	}
	if size > MaxIOSBlock {
		return Errorf(TooLarge, "notification.ios is %d bytes of JSON; at most %d are allowed. Shorten the alert or the extras.", size, MaxIOSBlock)
	}
	return nil
}

// sizeOf counts the bytes of compact JSON as a payload does: "<", ">" and "&"
// are one byte each, which json.Marshal would make six.
func sizeOf(v any) int {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // only invalid raw JSON, which the decoder cannot have produced
		return math.MaxInt
	}
	return b.Len() - 1 // without the encoder's line end
}

// Badge is a number for the app's icon: absolute, or relative to the number
// the server keeps for the device (spec/rest-api.md §7.5.3).
type Badge struct {
	Relative bool
	N        int // -99999 to 99999; absolute values are not negative
}

// ParseBadge reads JPush's forms: "5", "+1", "-2", "" (0) and "auto" ("+1").
func ParseBadge(s string) (Badge, error) {
	switch s {
	case "":
		return Badge{}, nil
	case "auto":
		return Badge{Relative: true, N: 1}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n > MaxBadge || n < -MaxBadge {
		return Badge{}, Errorf(Invalid, "badge must be a number from 0 to %d, or a change such as \"+1\" or \"-1\"; %q is neither.", MaxBadge, clip(s))
	}
	return Badge{Relative: s[0] == '+' || s[0] == '-', N: n}, nil
}

// Apply returns the number after the push for a device whose number was old.
func (b Badge) Apply(old int) int {
	if b.Relative {
		return min(max(old+b.N, 0), MaxBadge)
	}
	return b.N
}

// String writes what ParseBadge reads.
func (b Badge) String() string {
	if b.Relative && b.N >= 0 {
		return "+" + strconv.Itoa(b.N)
	}
	return strconv.Itoa(b.N)
}

// MarshalText stores the badge in JPush's string form.
func (b Badge) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads JPush's string form.
func (b *Badge) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBadge(string(text))
	return err
}
