package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sideshow/apns2"
	"github.com/sideshow/apns2/token"
)

// apns2Client does the same with sideshow/apns2, whose Push waits for its
// answer, so that goroutines make the concurrency.
func apns2Client(ctx context.Context, arguments []string) error {
	f := flag.NewFlagSet("client-apns2", flag.ContinueOnError)
	url, ca := f.String("url", "", "gateway"), f.String("ca", "", "authority")
	count, size := f.Int("count", 50_000, "notifications"), f.Int("payload", 160, "bytes")
	goroutines := f.Int("goroutines", 500, "senders")
	if err := f.Parse(arguments); err != nil {
		return err
	}
	if err := os.Setenv("SSL_CERT_FILE", *ca); err != nil { // before the first look at the system's authorities
		return err
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	client := apns2.NewTokenClient(&token.Token{AuthKey: private, KeyID: "BENCHKEY01", TeamID: "BENCHTEAM1"})
	client.Host = *url
	payload := payloadOf(*size)
	list := make([]*apns2.Notification, min(ringSize, *count))
	for i := range list {
		list[i] = &apns2.Notification{DeviceToken: randomToken(), Topic: topic, PushType: apns2.PushTypeAlert, Priority: 10, Payload: payload}
	}
	if r, err := client.PushWithContext(ctx, list[0]); err != nil || !r.Sent() {
		return fmt.Errorf("the gateway did not take the first notification: %v %w", r, err)
	}
	var next, ok atomic.Int64
	var sending sync.WaitGroup
	begin := time.Now()
	for range *goroutines {
		sending.Go(func() {
			for i := next.Add(1) - 1; i < int64(*count); i = next.Add(1) - 1 {
				if r, err := client.PushWithContext(ctx, list[i%int64(len(list))]); err == nil && r.Sent() {
					ok.Add(1)
				}
			}
		})
	}
	sending.Wait()
	return json.NewEncoder(os.Stdout).Encode(figures{Count: *count, OK: int(ok.Load()), Seconds: time.Since(begin).Seconds()})
}
