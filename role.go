package aurora

import (
	"context"
	"slices"
)

// Role is what a person is in an account. Each role may what the one after it
// may, and more.
type Role string

// The roles.
const (
	OwnerRole     Role = "owner"     // everything, and decides who else is in the account
	DeveloperRole Role = "developer" // sets apps up: credentials, keys, webhooks, devices
	SenderRole    Role = "sender"    // sends, stops and schedules messages
	ViewerRole    Role = "viewer"    // looks
)

// Roles lists every role, the strongest first.
var Roles = []Role{OwnerRole, DeveloperRole, SenderRole, ViewerRole}

// ParseRole reads a role's name.
func ParseRole(name string) (Role, error) {
	if r := Role(name); slices.Contains(Roles, r) {
		return r, nil
	}
	return "", Errorf(Invalid, "There is no role %.40q. The roles are owner, developer, sender and viewer.", name)
}

// Right is a kind of thing to do in an account. Whoever is in the account may
// look at its apps, devices, messages and reports; all else needs a right.
type Right string

// The rights, as they complete "your role may not …".
const (
	SendRight      Right = "send, stop or schedule messages"
	DevicesRight   Right = "change devices, their tags and aliases"
	ExportRight    Right = "export devices with their tokens"
	ConfigureRight Right = "change apps, groups, credentials, keys and webhooks"
	SecretsRight   Right = "see secrets"
	AuditRight     Right = "read the audit log"
	TeamRight      Right = "decide who is in the account"
	DeleteRight    Right = "delete apps"
)

// grants is the one table of who may what. Owners may everything.
var grants = map[Right][]Role{
	SendRight:      {OwnerRole, DeveloperRole, SenderRole},
	DevicesRight:   {OwnerRole, DeveloperRole},
	ExportRight:    {OwnerRole, DeveloperRole},
	ConfigureRight: {OwnerRole, DeveloperRole},
	SecretsRight:   {OwnerRole, DeveloperRole},
	AuditRight:     {OwnerRole, DeveloperRole},
	TeamRight:      {OwnerRole},
	DeleteRight:    {OwnerRole},
}

// Rights lists every right, in the order in which they are explained.
var Rights = []Right{SendRight, DevicesRight, ExportRight, ConfigureRight, SecretsRight, AuditRight, TeamRight, DeleteRight}

// May reports whether a role has a right.
func (r Role) May(right Right) bool { return slices.Contains(grants[right], r) }

// Require refuses a person whose role has not the right. Other actors have
// proved what they may before: the command line by the data folder, servers by
// the Master Secret or their API key's scopes.
func Require(ctx context.Context, right Right) error {
	a := ActorOf(ctx)
	if a.Kind == VisitorActor {
		return Errorf(Unauthorized, "Sign in to continue.")
	}
	if a.Kind != PersonActor || a.Role.May(right) {
		return nil
	}
	return Errorf(Forbidden, "Your role in this account is %s, which may not %s. An owner of the account can change your role on the page Team.", a.Role, right)
}
