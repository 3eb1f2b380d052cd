// Package apns is a local APNs: Apple's push service rebuilt on its public
// rules, for demos, tests and app developers who want to see a push arrive
// without an Apple account. Nothing in it talks to Apple.
//
// It is a program of its own. It shares no code with the provider client in
// this repository, so that the two read Apple's rules independently.
//
// A [Server] listens on three ports. Two speak HTTP/2 over TLS like the real
// gateways, one for each [Environment]; both take device pushes, broadcasts and
// channel management. The third is the management listener, plain HTTP, where
// phones hold their courier sessions. What is documented by Apple, observed by
// others, or merely assumed here is listed in docs/local-apns.md.
//
// # Credentials
//
// The server has a certificate authority of its own and trusts only that one.
// [Server.Issue] makes push certificates (.p12) that look like real ones, and
// provider keys (.p8). A bundle id for which a credential was issued belongs to
// that credential's team from then on; others are open to every team.
//
// # The folder
//
// With Config.Dir set, these survive a restart and a kill:
//
//	ca.pem, ca.key           the root; clients trust ca.pem
//	issuer.pem, issuer.key   the intermediate that signs push certificates
//	keys/ apps/ revoked/     provider keys, owners of bundle ids, revoked certificates
//	registry.journal         device tokens, stored notifications, channels
//
// The journal is one JSON object a line, explained at the type entry in
// journal.go. Issuing works from another process while the server runs; a
// second server on the same folder is refused.
//
// # Phones
//
// A phone holds one courier session: GET /courier on the management listener
// with "Connection: Upgrade" and "Upgrade: courier", then JSON objects, one a
// line, at most 64 KiB, in both directions. [Server.ServeCourier] serves the
// same on any connection. The phone says
//
//	{"op":"hello","phone":"<id, 1 to 64 characters>"}                    → {"op":"welcome"}
//	{"op":"register","ref":1,"bundle_id":"…","environment":"development|production","install":"…"}
//	                                                                     → {"op":"token","ref":1,…,"token":"<64 hex digits>"}
//	{"op":"uninstall","bundle_id":"…","environment":"…"}
//	{"op":"ack","id":"…","status":"ok|app-missing|disabled"}
//	{"op":"ping"}                                                        → {"op":"pong"}
//	{"op":"power","state":"low|normal"}                                  low holds back priorities 5 and 1
//	{"op":"subscribe","ref":2,"bundle_id":"…","environment":"…","channel_id":"…"}
//	                                                                     → {"op":"subscribed","ref":2,…}
//	{"op":"unsubscribe","bundle_id":"…","environment":"…","channel_id":"…"}
//
// A bundle_id may have the suffix of a topic, such as ".voip": each has a token
// of its own. Register and uninstall take "activity" too, any text of the
// phone's that tells one live activity from another: each has its own token
// beside the one that starts activities.
//
// The phone receives {"op":"notification","id":"…",…}, one at a time until it
// acknowledges, and {"op":"error","ref":…,"message":"…"}. Without a session the
// phone is offline: then one notification waits for each app, the latest, until
// it expires or for thirty days.
//
// # Management
//
// JSON over HTTP, on loopback unless configured otherwise; there is no
// authentication, so whoever reaches the listener controls the server. Requests
// that a browser sends from another site are refused. Errors are
// {"error":{"message":"…"}}. Durations are text such as "250ms" or "20m".
//
//	GET    /                             a page that shows what arrives
//	GET    /v1/events                    the live feed behind it (server-sent events)
//	GET    /v1/notifications             what arrived, newest first, each with its trace; ?token= &apns_id= &phone= &limit=
//	GET    /v1/devices                   device tokens and their state
//	GET    /v1/channels                  broadcast channels and their subscribers
//	GET    /v1/connections               provider connections: credential, limits, windows, answers
//	POST   /v1/connections/{id}/goaway   {"code":0,"reason":"Shutdown"} or {"data":"…"}, {"last":7}
//	POST   /v1/connections/{id}/settings {"streams":0,"header_table_size":0}
//	GET    /v1/journal                   counters
//	GET    /v1/faults                    fault scripts; POST adds one (see Fault), DELETE removes all
//	GET    /v1/clock                     POST turns it (see ClockChange): {"jump":"720h"}, {"frozen":true}
//	GET    /v1/policy                    POST changes what it names (see Policy): {"streams":10}, {"profile":"harsh"}
//	POST   /v1/issue                     a credential (see IssueRequest) → {"p12":"<base64>"} or {"p8":"…","key_id":"…"}
//	POST   /v1/revoke                    {"id":"<key id, or serial number in hex>"}
//	GET    /v1/ca.pem                    the root certificate
//
// Counters: received, accepted, rejected and rejected.<reason> count device
// pushes and broadcasts; stored, delivered, acknowledged, expired, replaced,
// discarded and fault count the steps of traces; connections,
// handshakes_failed, connections_refused, settings_sent, streams_refused,
// cancelled and goaway count what happens on connections; registered,
// tokens_dead and sessions what happens on phones.
//
// # Bench mode
//
// With Config.Bench the server measures clients instead of judging them. It
// answers every complete request with the same ten bytes (HEADERS, ":status 200",
// END_STREAM) and skips everything else: no header block is decoded, so there
// is no path, no apns-id in the answer, no authentication beyond TLS, no
// validation, no registry, no notification log; the stream limit is
// Policy.Streams from the start; faults, latency and the other policies do
// nothing. Flow control is obeyed towards the peer and the connection window is
// 1 GiB; a body of more than 65535 bytes never gets more credit. Requests and
// payload bytes are counted before their answers are written: whoever holds n
// answers finds at least n in the counters.
//
// Config.Distinct adds one thing: the literal of :path is hashed, and the
// counter "distinct" says how many different ones arrived complete. Of n pushes
// to n devices, n minus distinct are lost and received minus distinct are
// repeated. It needs a client that sends :path as a literal, as Apple advises;
// requests without one are counted as "unidentified".
package apns
