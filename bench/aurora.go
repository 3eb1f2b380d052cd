package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aurora-push/aurora/apns"
)

// ringSize is how many different notifications are sent in turns. They are made
// before the clock starts, for every client alike, so that the client is
// measured and not what makes notifications.
const ringSize = 1 << 16

func payloadOf(size int) []byte {
	const head, tail = `{"aps":{"alert":"`, `"}}`
	return []byte(head + strings.Repeat("x", max(0, size-len(head)-len(tail))) + tail)
}

func randomToken() string {
	var b [32]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func ring(size int) []*apns.Notification {
	payload := payloadOf(size)
	list := make([]*apns.Notification, ringSize)
	for i := range list {
		list[i] = &apns.Notification{Token: randomToken(), Topic: topic, PushType: apns.PushAlert, Priority: 10, Payload: payload}
	}
	return list
}

// throwawayKey makes a provider key; its tokens have about 200 bytes. The local
// APNs takes any in bench mode.
func throwawayKey() (*apns.Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	return apns.ReadP8(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "BENCHKEY01", "BENCHTEAM1")
}

func rootsOf(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}

// figures are what a client process prints as its last line.
type figures struct {
	Count     int       `json:"count"`
	OK        int       `json:"ok"`
	Seconds   float64   `json:"seconds"`
	Resident  []float64 `json:"resident_mb,omitempty"`   // at each tenth of the count
	Allocated float64   `json:"allocated_bytes_per_one"` // on the heap, per notification
}

// auroraClient sends count notifications with our client, through Submit or Stream.
func auroraClient(ctx context.Context, arguments []string) error {
	f := flag.NewFlagSet("client-aurora", flag.ContinueOnError)
	url, ca := f.String("url", "", "gateway"), f.String("ca", "", "authority")
	count, size := f.Int("count", 1_000_000, "notifications"), f.Int("payload", 160, "bytes")
	stream, fresh := f.Bool("stream", false, "use Stream"), f.Bool("fresh", false, "make each notification when it is sent")
	cpuProfile := f.String("cpuprofile", "", "file")
	if err := f.Parse(arguments); err != nil {
		return err
	}
	roots, err := rootsOf(*ca)
	if err != nil {
		return err
	}
	key, err := throwawayKey()
	if err != nil {
		return err
	}
	client, err := apns.NewClient(apns.Config{URL: *url, Key: key, RootCAs: roots})
	if err != nil {
		return err
	}
	defer client.Close()
	list := ring(*size)
	next := func(i int) *apns.Notification { return list[i%ringSize] }
	if *fresh {
		next = func(i int) *apns.Notification { n := *list[i%ringSize]; n.Token = strings.Clone(n.Token); return &n }
	}
	// The handshake is not what is measured.
	if r := client.Push(ctx, list[0]); !r.Accepted() {
		return fmt.Errorf("the gateway did not take the first notification: %s %w", r.Reason, r.Err)
	}
	if *cpuProfile != "" {
		file, err := os.Create(*cpuProfile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	r := figures{Count: *count}
	tenth := max(1, *count/10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	if *stream {
		source := func(yield func(*apns.Notification) bool) {
			for i := range *count {
				if !yield(next(i)) {
					return
				}
			}
		}
		done := 0
		for result := range client.Stream(ctx, source) {
			if result.Accepted() {
				r.OK++
			}
			if done++; done%tenth == 0 {
				r.Resident = append(r.Resident, math.Round(resident()*10)/10)
			}
		}
	} else {
		var ok, done atomic.Int64
		finished := make(chan struct{})
		answered := func(result *apns.Result) {
			if result.Accepted() {
				ok.Add(1)
			}
			if done.Add(1) == int64(*count) {
				close(finished)
			}
		}
		for i := range *count {
			if err := client.Submit(ctx, next(i), answered); err != nil {
				return err
			}
			if (i+1)%tenth == 0 {
				r.Resident = append(r.Resident, math.Round(resident()*10)/10)
			}
		}
		select {
		case <-finished:
		case <-ctx.Done():
			return ctx.Err()
		}
		r.OK = int(ok.Load())
	}
	r.Seconds = time.Since(begin).Seconds()
	runtime.ReadMemStats(&after)
	r.Allocated = float64(after.TotalAlloc-before.TotalAlloc) / float64(*count)
	return json.NewEncoder(os.Stdout).Encode(r)
}
