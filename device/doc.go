// Package device is the device SDK in Go: it makes an installation known to Aurora, keeps its push token, alias, tags and
// settings there up to date, and reports which notifications were received and opened.
//
// The life of an installation (letters as in the design):
//
//   - [Client.Start] obtains a registration id. No push token is needed for that: the id can be shown and used at once.
//   - When the system hands out a push token (step B), [Client.RegisterDeviceToken] passes it on (step C).
//   - [Client.HandleReceived] and [Client.HandleOpened] report what became of a notification (step G).
//
// Everything the app asks for is a desired state: it is written to the [Store] first and sent afterwards, in the background,
// again and again with growing pauses until Aurora has confirmed it. The last write of a value wins. Nothing is lost when
// the app ends in between; the next Start goes on where this one stopped.
//
// What the app says is only ever sent to the one server named in its configuration. New performs no I/O; before Start no
// identity exists and nothing is sent.
package device
