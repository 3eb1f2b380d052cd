package aurora

import (
	"context"
	"time"
)

// Actor is who asks for a change, as far as it was proved.
type Actor struct {
	Kind    ActorKind
	Name    string // a person's email address, an API key's name; may be empty
	Address string // where the request came from; "" for the command line
	Role    Role   // what a person is in the account; "" for others
}

// ActorKind is how an actor proved itself.
type ActorKind string

// The kinds of actor.
const (
	SystemActor  ActorKind = "aurora"        // the server itself, such as when it switches a dead webhook off
	CommandActor ActorKind = "command line"  // someone with the data folder
	MasterActor  ActorKind = "master secret" // a server with the app's Master Secret
	KeyActor     ActorKind = "api key"       // a server with one of the app's API keys
	PersonActor  ActorKind = "person"        // someone signed in to the console
	VisitorActor ActorKind = "visitor"       // someone at the console who is not signed in
)

type actorKey struct{}

// WithActor notes on a context who acts. Services read it when they write the
// audit log.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf returns who acts, SystemActor if nobody was noted.
func ActorOf(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return Actor{Kind: SystemActor}
}

// AuditEntry is one line of the audit log: who did what to which thing. It
// holds no secret.
type AuditEntry struct {
	ID        int64
	At        time.Time
	AccountID int64 // 0 if the entry belongs to an app alone
	AppID     int64 // 0 if the entry belongs to an account alone
	Actor     Actor
	Action    string // such as "key.created"
	Subject   string // the id of what was changed
	Detail    string // one sentence or less, for people
}
