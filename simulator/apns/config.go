package apns

import "log/slog"

// Config is what a [Server] is made of. The zero value is a server in memory
// on loopback ports chosen by the kernel.
type Config struct {
	// Dir is where the authority, issued keys and the registry live. Empty
	// means memory only: the next server will not know this one's credentials.
	Dir string

	// Listen serves production, SandboxListen development, ManageListen the
	// management API and the couriers. Each is host:port; empty means
	// "127.0.0.1:0". Whoever reaches ManageListen controls the server, so it
	// belongs on loopback unless something in front of it checks who is calling.
	Listen        string
	SandboxListen string
	ManageListen  string

	// AcceptAnyToken answers 200 to device tokens that no phone has registered.
	AcceptAnyToken bool

	// Bench answers 200 to everything without looking at it, to measure
	// clients instead of this server; see the package comment.
	Bench bool

	// BenchWindow is the connection window of bench mode in bytes, 65,535 to
	// 2^31-1; 0 = 2^30, so that clients are not held up. With the least, which is
	// Apple's, credit comes back as soon as it was read.
	BenchWindow int

	// Distinct makes bench mode count different device tokens as well, so that
	// lost and repeated pushes can be told apart: counters "distinct" and
	// "unidentified". It takes 16 to 32 bytes a token, and some speed.
	Distinct bool

	// Bodies, if set, is called in bench mode with every piece of a request body
	// as it arrives; it must not keep it, and be quick. So a load generator
	// learns when a notification was on the wire.
	Bodies func([]byte)

	// Names are further host names and addresses for the server's certificate.
	Names []string

	// Policy is how strict and moody the gateway is; nil = DefaultPolicy.
	Policy *Policy

	// Seed makes ids, tokens and dice the same in every run; 0 = random.
	Seed uint64

	// Keep is how many notifications the log remembers; 0 = 10,000.
	Keep int

	// Logger receives what happens to connections; nil = nothing is logged.
	Logger *slog.Logger
}
