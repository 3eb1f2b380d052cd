package account

import (
	"slices"
	"strings"

	"github.com/aurora-push/aurora"
)

// Scope is a part of the REST API that an API key may use. A scope without
// ":read" includes the one with it.
type Scope string

// The scopes. What none of them names is for the Master Secret alone: keys,
// allow-lists and the Master Secret itself.
const (
	PushScope          Scope = "push"           // send, stop, validate; files and images for pushes
	PushReadScope      Scope = "push:read"      // validate, cids, quota
	DevicesScope       Scope = "devices"        // change tags, aliases and devices
	DevicesReadScope   Scope = "devices:read"   // read them
	SchedulesScope     Scope = "schedules"      // create, change and delete schedules
	SchedulesReadScope Scope = "schedules:read" // read them
	ReportsScope       Scope = "reports"        // reports of messages and users
	WebhooksScope      Scope = "webhooks"       // webhooks and their deliveries
	WebhooksReadScope  Scope = "webhooks:read"  // read them, without their secrets
	EventsScope        Scope = "events"         // the event stream
	AuditScope         Scope = "audit"          // read the audit log
)

// Scopes lists every scope.
var Scopes = []Scope{PushScope, PushReadScope, DevicesScope, DevicesReadScope, SchedulesScope, SchedulesReadScope, ReportsScope, WebhooksScope, WebhooksReadScope, EventsScope, AuditScope}

const readOnly = ":read"

// ParseScopes checks names of scopes and returns them sorted, each once.
func ParseScopes(names []string) ([]Scope, error) {
	if len(names) == 0 {
		return nil, aurora.Errorf(aurora.Missing, "The key needs at least one scope, since nothing is allowed without one: %s.", scopeNames())
	}
	var scopes []Scope
	for _, name := range names {
		if !slices.Contains(Scopes, Scope(name)) {
			return nil, aurora.Errorf(aurora.Invalid, "There is no scope %.40q. The scopes are %s.", name, scopeNames())
		}
		scopes = append(scopes, Scope(name))
	}
	slices.Sort(scopes)
	return slices.Compact(scopes), nil
}

func scopeNames() string {
	names := make([]string, len(Scopes))
	for i, s := range Scopes {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// includes reports whether a scope allows what another one does.
func (s Scope) includes(need Scope) bool { return s == need || s+readOnly == need }
