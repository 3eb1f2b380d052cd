// Package iphone is a simulated iPhone: it holds a courier session to a local APNs, shows what arrives the way iOS would, and
// runs a sample app with the real device SDK inside. It is driven from Go (scripts, tests) or through its web page.
//
// A [Phone] is a model, not a picture: [Phone.State] tells everything that a person holding it would see and hear, and
// [Phone.Wait] waits until something is the case. What a notification does is decided in one place, the function decide,
// by spec apns.md §8.5.
//
// Simplifications, so that nobody relies on more than is there: an app in the background may use the network for as long as
// it lives; there is no Focus, scheduled summary or time-sensitive permission; action buttons, live activities, VoIP pushes
// and localised strings of the app are not modelled (a loc-key is shown as it is).
package iphone
