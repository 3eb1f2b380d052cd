package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aurora-push/aurora/apns"
)

// pathResult is one measurement over a path with a round trip.
type pathResult struct {
	RoundTrip   string  `json:"round_trip"`
	Payload     int     `json:"payload_bytes"`
	Connections int     `json:"connections"`
	Rate        float64 `json:"rate"`
	Allowed     float64 `json:"allowed"`
	Percent     float64 `json:"percent_of_allowed"`
	Measured    float64 `json:"measured_round_trip_ms"`         // of an echo over a second relay meanwhile
	Corrected   float64 `json:"percent_at_measured_round_trip"` // of what is allowed at that round trip
	Load        string  `json:"load"`
}

// window is HTTP/2's initial connection window, which Apple does not enlarge (spec §1.5).
const window = 65535

// roundTrips measures our client against the local APNs with Apple's windows,
// behind a relay that adds latency. The local APNs runs in bench mode, so that
// its checks do not take the processor from client and relay; --full runs all of
// them. What a
// connection can carry is the arithmetic of spec §1.5: as many payloads as fit
// into the window, once per round trip.
func roundTrips(ctx context.Context, arguments []string) error {
	f := flag.NewFlagSet("rtt", flag.ContinueOnError)
	seconds := f.Float64("seconds", 5, "seconds to measure after the pool has grown")
	full := f.Bool("full", false, "a local APNs that checks everything, instead of bench mode with Apple's windows")
	credit := f.String("credit", "at-once", "with --full: when the local APNs returns credit, at-once, as the arithmetic assumes, or batch")
	aurora := f.String("aurora", "", "use this aurora program instead of building one")
	if err := f.Parse(arguments); err != nil {
		return err
	}
	flags := []string{"--bench", "--bench-window", strconv.Itoa(window)}
	if *full {
		flags = []string{"--accept-any-token"}
	}
	g, err := startGateway(ctx, *aurora, flags...)
	if err != nil {
		return err
	}
	defer g.stop()
	if *full {
		err = g.post("/v1/policy", map[string]string{"return_credit": *credit})
	}
	if err != nil {
		return err
	}
	key, err := g.apnsKey()
	if err != nil {
		return err
	}
	fmt.Printf("%-10s %8s %12s %10s %10s %8s  %9s %10s  %s\n", "round trip", "payload", "connections", "rate/s", "allowed/s", "percent", "really", "percent", "load")
	var results []pathResult
	for _, roundTrip := range []time.Duration{20 * time.Millisecond, 150 * time.Millisecond} {
		asked, err := calibrate(ctx, roundTrip)
		if err != nil {
			return err
		}
		for _, size := range []int{200, 500, 1024, 4096} {
			for _, most := range []int{1, 2, 0} {
				r, err := g.overPath(ctx, key, roundTrip, asked, size, most, time.Duration(*seconds*float64(time.Second)))
				if err != nil {
					return err
				}
				fmt.Printf("%-10s %8d %12d %10.0f %10.0f %7.1f%%  %6.1f ms %9.1f%%  %s\n", r.RoundTrip, r.Payload, r.Connections, r.Rate, r.Allowed, r.Percent, r.Measured, r.Corrected, r.Load)
				results = append(results, r)
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}

func (g *gateway) apnsKey() (*apns.Key, error) {
	file, keyID, teamID, err := g.key()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return apns.ReadP8(text, keyID, teamID)
}

// overPath keeps the client busy with most connections at most (0: its own
// default), waits until the pool grows no more, and counts answers from then on.
func (g *gateway) overPath(ctx context.Context, key *apns.Key, roundTrip, asked time.Duration, size, most int, duration time.Duration) (pathResult, error) {
	target, err := url.Parse(g.url)
	if err != nil {
		return pathResult{}, err
	}
	path, err := startRelay(ctx, target.Host, asked)
	if err != nil {
		return pathResult{}, err
	}
	defer path.close()
	roots, err := rootsOf(g.ca())
	if err != nil {
		return pathResult{}, err
	}
	client, err := apns.NewClient(apns.Config{URL: "https://" + path.address(), Key: key, RootCAs: roots, MaxConnections: most})
	if err != nil {
		return pathResult{}, err
	}
	defer client.Close()

	sending, stop := context.WithCancel(ctx)
	defer stop()
	var accepted, refused atomic.Int64
	answered := func(r *apns.Result) {
		if r.Accepted() {
			accepted.Add(1)
		} else if r.Status != 0 {
			refused.Add(1)
		}
	}
	list := ring(size)
	failed := make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			if err := client.Submit(sending, list[i%ringSize], answered); err != nil {
				failed <- err
				return
			}
		}
	}()
	connections, err := g.settledPool(ctx)
	if err != nil {
		return pathResult{}, err
	}
	echo, err := startEcho(ctx, asked)
	if err != nil {
		return pathResult{}, err
	}
	defer echo.close()
	before, begin := accepted.Load(), time.Now()
	var trips []float64
	for time.Since(begin) < duration {
		select {
		case err := <-failed:
			return pathResult{}, err
		default:
		}
		trip, err := echo.once()
		if err != nil {
			return pathResult{}, err
		}
		trips = append(trips, trip.Seconds())
	}
	rate := float64(accepted.Load()-before) / time.Since(begin).Seconds()
	after, err := g.connections()
	if err != nil {
		return pathResult{}, err
	}
	stop()
	<-failed
	if refused.Load() > 0 {
		return pathResult{}, fmt.Errorf("%d pushes were refused", refused.Load())
	}
	if after != connections {
		return pathResult{}, fmt.Errorf("the pool went from %d to %d connections while it was measured", connections, after)
	}
	allowed := float64(connections) * float64(window/size) / roundTrip.Seconds()
	measured := spreadOfList(trips).Median
	return pathResult{
		RoundTrip: roundTrip.String(), Payload: size, Connections: connections, Rate: rate, Load: load(),
		Allowed: allowed, Percent: 100 * rate / allowed,
		Measured: measured * 1e3, Corrected: 100 * rate / (allowed * roundTrip.Seconds() / measured),
	}, nil
}

// settledPool waits until the number of connections has stayed the same for three seconds.
func (g *gateway) settledPool(ctx context.Context) (int, error) {
	same, last := 0, 0
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		now, err := g.connections()
		if err != nil {
			return 0, err
		}
		if same++; now != last {
			same, last = 0, now
		}
		if same >= 15 && last > 0 {
			return last, nil
		}
	}
	return last, nil
}

// connections counts the open ones that are not being closed.
func (g *gateway) connections() (count int, err error) {
	var list []struct {
		GoingAway bool `json:"going_away"`
	}
	err = g.get("/v1/connections", &list)
	for _, c := range list {
		if !c.GoingAway {
			count++
		}
	}
	return count, err
}
