package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora/apns"
)

func benchCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "bench", Short: "Measure on this machine"}
	var profile cpuProfile
	cmd.PersistentFlags().StringVar(&profile.path, "cpu-profile", "", "file for a profile of this process's CPU (of push and single: while they send), to be read by go tool pprof")
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		for _, name := range []string{"devices", "callers", "connections", "servers"} {
			if n, err := cmd.Flags().GetInt(name); err == nil && n < 1 && cmd.Flags().Changed(name) {
				return fmt.Errorf("--%s is %d: it must be at least 1", name, n)
			}
		}
		return profile.begin()
	}
	cmd.PersistentPostRunE = func(*cobra.Command, []string) error { return profile.end() }
	cmd.AddCommand(benchAPNsCommand(), benchPushCommand(&profile), benchSingleCommand(&profile), benchRegisterCommand(), benchImportCommand(), benchCrashCommand(), benchConsoleCommand())
	return cmd
}

func benchAPNsCommand() *cobra.Command {
	var url, ca string
	var count, connections, size int
	cmd := &cobra.Command{
		Use:   "apns --url URL --ca FILE --count N [--connections C]",
		Short: "Measure the APNs client alone, against a local APNs started with --bench",
		Long:  "Send N notifications through the APNs client with a provider token of its own making, which a local APNs started with --bench accepts. The last line is JSON. CPU is this process's, user and system, TLS included.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pool := x509.NewCertPool()
			if text, err := os.ReadFile(ca); err != nil {
				return err
			} else if !pool.AppendCertsFromPEM(text) {
				return fmt.Errorf("%s holds no certificate in PEM form", ca)
			}
			key, err := throwawayKey()
			if err != nil {
				return err
			}
			c, err := apns.NewClient(apns.Config{URL: url, Key: key, RootCAs: pool, MaxConnections: connections})
			if err != nil {
				return err
			}
			result, err := measureClient(cmd.Context(), c, count, size)
			if err != nil {
				return err
			}
			if err := shutdown(c); err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(result)
		},
	}
	f := cmd.Flags()
	f.StringVar(&url, "url", "https://127.0.0.1:2197", "gateway")
	f.StringVar(&ca, "ca", "apns-data/ca.pem", "PEM file with the gateway's CA")
	f.IntVar(&count, "count", 1_000_000, "notifications to send")
	f.IntVar(&connections, "connections", 0, "most connections to open (default: the client's own)")
	f.IntVar(&size, "payload", 160, "bytes of payload")
	return cmd
}

// throwawayKey makes a provider key; its tokens have about 200 bytes, as real ones do.
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

type clientResult struct {
	Count   int     `json:"count"`
	OK      int     `json:"ok"`
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"rate"`
	CPU     float64 `json:"cpu_us_per_notification"`
}

func measureClient(ctx context.Context, c *apns.Client, count, size int) (clientResult, error) {
	// The handshake is not what is measured.
	if r := c.Push(ctx, &apns.Notification{Token: fmt.Sprintf("%064x", 0), Topic: demoBundleID, Payload: []byte("{}")}); !r.Accepted() {
		return clientResult{}, fmt.Errorf("the gateway did not take the first notification: %s %w", r.Reason, r.Err)
	}
	begin, cpu := time.Now(), cpuTime()
	r := clientResult{Count: count}
	for result := range c.Stream(ctx, notifications(count, size)) {
		if result.Accepted() {
			r.OK++
		}
	}
	r.Seconds = time.Since(begin).Seconds()
	r.Rate = float64(r.OK) / r.Seconds
	r.CPU = float64((cpuTime() - cpu).Microseconds()) / float64(max(1, count))
	return r, nil
}

// notifications makes alerts to random-looking tokens with a payload of the given size.
func notifications(count, size int) iter.Seq[*apns.Notification] {
	const head, tail = `{"aps":{"alert":"`, `"}}`
	payload := []byte(head + strings.Repeat("x", max(0, size-len(head)-len(tail))) + tail)
	return func(yield func(*apns.Notification) bool) {
		for i := range count {
			n := &apns.Notification{Token: benchToken(uint64(i)), Topic: demoBundleID, PushType: apns.PushAlert, Priority: 10, Payload: payload, Tag: uint64(i)}
			if !yield(n) {
				return
			}
		}
	}
}

// benchToken spreads a number over the 32 bytes of a device token.
func benchToken(n uint64) string {
	const digits = "0123456789abcdef"
	var b [64]byte
	x := n
	for i := range b {
		if i%16 == 0 {
			x = (x + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
			x ^= x >> 31
		}
		b[i] = digits[x>>(4*(i%16))&15]
	}
	return string(b[:])
}
