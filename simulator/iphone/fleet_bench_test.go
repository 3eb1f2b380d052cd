package iphone

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aurora-push/aurora/simulator/apns"
)

// peerEnvironment makes the test binary the other side of BenchmarkFleet, so that the benchmark's process holds the phones
// and nothing else.
const peerEnvironment = "IPHONE_FLEET_PEER"

func TestMain(m *testing.M) {
	if os.Getenv(peerEnvironment) != "" {
		if err := runPeer(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// runPeer is a local APNs and a registrar. Each line it reads is a message id, which it pushes to all tokens.
func runPeer() error {
	server, err := apns.NewServer(apns.Config{})
	if err != nil {
		return err
	}
	if err := server.Start(context.Background()); err != nil {
		return err
	}
	aurora := newRegistrar(0)
	if err := json.NewEncoder(os.Stdout).Encode([]string{server.ManageURL(), aurora.URL}); err != nil {
		return err
	}
	push, done, err := sender(server)
	if err != nil {
		return err
	}
	defer done()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		tokens := seen(aurora, func() []string { return slices.Collect(maps.Values(aurora.tokens)) })
		payload := fmt.Sprintf(`{"aps":{"alert":{"title":"Hello","body":"to all of you"},"sound":"default","mutable-content":1},"_j_msgid":%s}`, lines.Text())
		if err := push(tokens, payload); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkFleet switches on a fleet, registers it, pushes one message to all phones, and says what that took. Its size is
// set by IPHONE_FLEET, 10,000 otherwise:
//
//	go test ./simulator/iphone -run '^$' -bench Fleet -benchtime 1x
func BenchmarkFleet(b *testing.B) {
	count := 10_000
	if text := os.Getenv("IPHONE_FLEET"); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			b.Fatal("IPHONE_FLEET is not a number: ", err)
		}
	}
	peer := exec.Command(os.Args[0])
	peer.Env, peer.Stderr = append(os.Environ(), peerEnvironment+"=1"), os.Stderr
	orders, err := peer.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	answers, err := peer.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := peer.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { orders.Close(); peer.Wait() })
	var urls []string
	if err := json.NewDecoder(answers).Decode(&urls); err != nil {
		b.Fatal(err)
	}
	for round := range b.N {
		runFleet(b, count, urls[0], urls[1], orders, round+1)
	}
}

func runFleet(b *testing.B, count int, manage, aurora string, orders io.Writer, message int) {
	before := measure()
	f, err := NewFleet(FleetConfig{Count: count, Dial: DialCourier(manage), Prefix: fmt.Sprint("round", message),
		App: App{BundleID: testBundle, PushConfig: testPlist, Server: aurora}})
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	ctx := b.Context()
	began := time.Now()
	f.Start()
	if _, err := f.Wait(ctx, func(c Counts) bool { return c.Online == count }); err != nil {
		b.Fatal(err)
	}
	online := time.Since(began)
	if _, err := f.Wait(ctx, func(c Counts) bool { return c.Registered == count && c.Reporting == 0 }); err != nil {
		b.Fatal(err)
	}
	registered := time.Since(began)
	after := measure()
	began = time.Now()
	fmt.Fprintln(orders, message)
	if _, err := f.Wait(ctx, func(c Counts) bool { return c.Delivered == count }); err != nil {
		b.Fatal(err)
	}
	delivered := time.Since(began)
	c, err := f.Wait(ctx, func(c Counts) bool { return c.Reporting == 0 })
	if err != nil {
		b.Fatal(err)
	}
	reported := time.Since(began)
	per := func(n int64) float64 { return float64(n) / float64(count) }
	b.ReportMetric(per(after.memory-before.memory)/1024, "KiB/phone")
	b.ReportMetric(per(after.goroutines-before.goroutines), "goroutines/phone")
	b.ReportMetric(float64(count)/online.Seconds(), "sessions/s")
	b.ReportMetric(float64(count)/registered.Seconds(), "registrations/s")
	b.ReportMetric(float64(count)/delivered.Seconds(), "deliveries/s")
	b.ReportMetric(float64(count)/reported.Seconds(), "reports/s")
	b.Logf("%+v", c)
}

type usage struct{ memory, goroutines int64 }

// measure is what the process holds: live heap and stacks.
func measure() usage {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{int64(m.HeapAlloc + m.StackInuse), int64(runtime.NumGoroutine())}
}
