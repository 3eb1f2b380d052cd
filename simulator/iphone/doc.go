// Package iphone is a simulated iPhone: it holds a courier session to a local APNs, shows what arrives the way iOS would, and
// runs a sample app with the real device SDK inside. It is driven from Go (scripts, tests) or through its web page.
//
// A [Phone] is a model, not a picture: [Phone.State] tells everything that a person holding it would see and hear, and
// [Phone.Wait] waits until something is the case. What a notification does is decided in one place, the function decide,
// by spec apns.md §8.5 to §8.7: from the permission and the switches of the app, what its developer has built in ([Build]),
// the state of its process, lock, Focus, mute switch, and what the payload says.
//
// A [Fleet] is thousands of such phones without a screen, for load and chaos tests.
//
// What is imitated, on which evidence, and what is not, is listed in docs/simulated-iphone.md. In short, not modelled are:
// the scheduled summary, relevance scores, communication notifications, VoIP and other push types of their own, attachments,
// localised strings of the app (a loc-key is shown as it is), and limits on how long an app may run in the background.
package iphone
