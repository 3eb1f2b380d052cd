package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gorushAddress is where the local APNs listens for gorush, which has Apple's
// host names built in and knows no other port than 443.
const gorushAddress = "127.0.0.77:443"

// besideGorush gives Aurora and gorush the same task in turns: one REST call
// that reaches every device. Aurora finds the devices in its database and
// records an outcome for each; gorush gets the tokens with the call, keeps
// nothing, and counts. It needs Linux and root: gorush is led to the local APNs
// by a hosts file in a mount namespace of its own.
func besideGorush(ctx context.Context, arguments []string) error {
	f := flag.NewFlagSet("gorush", flag.ContinueOnError)
	devices, rounds := f.Int("devices", 100_000, "devices"), f.Int("rounds", 3, "rounds")
	program := f.String("gorush", "gorush", "the gorush program")
	pushes := f.Int("pushes", 100, "pushes that gorush has under way at once (ios.max_concurrent_pushes, by default 100)")
	aurora := f.String("aurora", "", "use this aurora program instead of building one")
	if err := f.Parse(arguments); err != nil {
		return err
	}
	path, err := exec.LookPath(*program)
	if err != nil {
		return fmt.Errorf("gorush is not there; give its program with --gorush: %w", err)
	}
	g, err := startGateway(ctx, *aurora, "--bench", "--listen", gorushAddress)
	if err != nil {
		return err
	}
	defer g.stop()
	tokens := make([]string, *devices)
	for i := range tokens {
		tokens[i] = randomToken()
	}
	ours, err := startAurora(ctx, g, tokens)
	if err != nil {
		return err
	}
	defer ours.stop()
	theirs, err := startGorush(ctx, g, path, *pushes)
	if err != nil {
		return err
	}
	defer theirs.stop()

	fmt.Printf("one call to %d devices, %d rounds, load average %s at the start\n", *devices, *rounds, load())
	contestants := []*contestant{
		{name: "aurora", count: *devices, run: func(ctx context.Context, n int) (sample, error) { return g.timed(ctx, ours, n, ours.pushToAll) }},
		{name: "gorush", count: *devices, run: func(ctx context.Context, n int) (sample, error) {
			return g.timed(ctx, theirs, n, func(ctx context.Context) error { return theirs.pushTo(ctx, tokens) })
		}},
	}
	for round := range *rounds {
		fmt.Printf("round %d:", round+1)
		for _, c := range contestants {
			s, err := c.run(ctx, c.count)
			if err != nil {
				return err
			}
			c.samples = append(c.samples, s)
			fmt.Printf("  %s %.0f/s %.2f µs", c.name, s.Rate, s.CPU)
		}
		fmt.Printf("  (load %s)\n", load())
	}
	return summarize(contestants)
}

// timed takes the time from the call until the local APNs has seen every
// device and the service says that it is done, and what the service used.
func (g *gateway) timed(ctx context.Context, s *service, count int, push func(context.Context) error) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	before, err := g.received()
	if err != nil {
		return sample{}, err
	}
	pid := s.process.Process.Pid
	busy, err := processTime(pid)
	if err != nil {
		return sample{}, err
	}
	began := time.Now()
	if err := push(ctx); err != nil {
		return sample{}, err
	}
	for {
		seen, err := g.received()
		if err != nil {
			return sample{}, err
		}
		if seen-before >= uint64(count) {
			break
		}
		select {
		case <-ctx.Done():
			return sample{}, fmt.Errorf("the local APNs has seen %d of %d", seen-before, count)
		case <-time.After(5 * time.Millisecond):
		}
	}
	took := time.Since(began)
	after, err := processTime(pid)
	if err != nil {
		return sample{}, err
	}
	return sample{Rate: float64(count) / took.Seconds(), CPU: (after - busy).Seconds() * 1e6 / float64(count), Peak: peakOf(pid)}, nil
}

const benchAlert = "The gate has changed: your flight now leaves from B12 at ten past nine"

// pushToAll sends one push to every device and waits until each has an outcome
// on record.
func (s *service) pushToAll(ctx context.Context) error {
	var accepted struct {
		ID string `json:"msg_id"`
	}
	err := call(ctx, "POST", s.url+"/v3/push", s.user, s.secret, map[string]any{"platform": "all", "audience": "all", "notification": map[string]any{"alert": benchAlert}}, &accepted)
	for err == nil {
		var report struct {
			State              string
			Targeted, Accepted int
		}
		if err = call(ctx, "GET", s.url+"/v1/messages/"+accepted.ID, s.user, s.secret, nil, &report); err == nil && report.State == "done" {
			if report.Accepted != report.Targeted {
				return fmt.Errorf("%d of %d devices were accepted", report.Accepted, report.Targeted)
			}
			return nil
		}
		time.Sleep(20 * time.Millisecond) // as often as a person would like to see a number move
	}
	return err
}

// startGorush runs gorush with a provider key of the gateway. Its hosts file
// leads Apple's names to the gateway.
func startGorush(ctx context.Context, g *gateway, program string, pushes int) (*service, error) {
	file, keyID, teamID, err := g.key()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	host, _, _ := strings.Cut(gorushAddress, ":")
	hosts, config := filepath.Join(g.dir, "hosts"), filepath.Join(g.dir, "gorush.yml")
	if err := os.WriteFile(hosts, []byte("127.0.0.1 localhost\n"+host+" api.push.apple.com api.sandbox.push.apple.com\n"), 0o600); err != nil {
		return nil, err
	}
	settings := fmt.Sprintf(`
core: {enabled: true, address: "127.0.0.1", port: "%s", mode: release, max_notification: 1000000, sync: false, pid: {enabled: false}}
queue: {engine: local}
android: {enabled: false}
huawei: {enabled: false}
ios: {enabled: true, production: true, key_path: "%s", key_type: p8, key_id: "%s", team_id: "%s", max_concurrent_pushes: %d}
log: {access_log: stdout, access_level: error, error_log: stderr, error_level: error}
stat: {engine: memory}
`, port, file, keyID, teamID, pushes)
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	s := &service{url: "http://127.0.0.1:" + port}
	s.process = exec.Command("unshare", "--mount", "sh", "-c", `mount --bind "$1" /etc/hosts && exec "$2" -c "$3"`, "sh", hosts, program, config)
	s.process.Env = append(os.Environ(), "SSL_CERT_FILE="+g.ca())
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(50 * time.Millisecond) {
		if answer, err := web.Get(s.url + "/healthz"); err == nil {
			answer.Body.Close()
			return s, nil
		}
	}
	s.stop()
	return nil, errors.New("gorush does not answer; this needs Linux and root, for a hosts file of its own")
}

// pushTo sends one push with all the tokens, a thousand in each of gorush's
// notifications.
func (s *service) pushTo(ctx context.Context, tokens []string) error {
	type notification struct {
		Tokens   []string `json:"tokens"`
		Platform int      `json:"platform"`
		Message  string   `json:"message"`
		Topic    string   `json:"topic"`
		Priority string   `json:"priority"`
		PushType string   `json:"push_type"`
	}
	var list []notification
	for len(tokens) > 0 {
		n := min(len(tokens), 1000)
		list = append(list, notification{tokens[:n], 1, benchAlert, topic, "high", "alert"})
		tokens = tokens[n:]
	}
	var answer json.RawMessage
	return call(ctx, "POST", s.url+"/api/push", "", "", map[string]any{"notifications": list}, &answer)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
