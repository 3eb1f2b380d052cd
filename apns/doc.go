// Package apns is a client for the Apple Push Notification service (provider side).
//
// It speaks HTTP/2 itself, on frames, because a connection that does only this job needs about a hundredth of the
// processor time of a general HTTP client. One [Client] holds one credential for one environment, keeps a queue outside
// its connections, and answers each notification exactly once:
//
//	certificate, err := apns.ReadP12(data, password)
//	client, err := apns.NewClient(apns.Config{URL: apns.Production, Certificate: certificate})
//	result := client.Push(ctx, &apns.Notification{Token: token, Topic: "com.example.app", PushType: apns.PushAlert, Payload: payload})
//	if result.Accepted() { … }
//
// [Client.Push] sends one and waits, [Client.Submit] sends many with back-pressure and a callback, [Client.Stream] turns a
// sequence of notifications into a sequence of results in constant memory, and [Client.Probe] checks a credential.
//
// The package imports nothing but the standard library, golang.org/x/net/http2/hpack and go-pkcs12.
package apns
