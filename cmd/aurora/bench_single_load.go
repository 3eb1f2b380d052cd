package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

// The load generator of `aurora bench single` is a process of its own, so that
// its cost can be told from the server's, and neither waits for the other's
// collector. It gets a singleLoad on its standard input, because arguments are
// for everyone to see, and answers with a singleLoaded.

// mostPushes is how many pushes a run can have at most.
const mostPushes = 1 << 22

type singleLoad struct {
	Address     string
	Key, Secret string
	IDs         []string  // registration ids of the targets, in turn
	Begin       time.Time // what times are counted from, on the clock that both processes read
	Length      time.Duration
	Rate        int // pushes a second, 0 for as fast as they are answered
	Connections int

	sent atomic.Int64
}

type singleLoaded struct {
	Pushes []answered
	CPU    time.Duration // while it sent
}

// answered is one accepted push with when it was due and answered.
type answered struct {
	Number      int
	ID          int64         // that the answer gave it
	Due, Answer time.Duration // since the beginning
}

func singleLoadCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "load",
		Short:  "The load generator of bench single, which starts it",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var l singleLoad
			if err := json.NewDecoder(cmd.InOrStdin()).Decode(&l); err != nil {
				return err
			}
			done, err := l.run(cmd.Context())
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(done)
		},
	}
}

// generate runs the load generator to its end.
func (o *singleBench) generate(ctx context.Context) (done singleLoaded, err error) {
	l := singleLoad{
		Address: o.d.server.Addr().String(), Key: o.d.app.Key, Secret: o.d.app.MasterSecret.Reveal(), IDs: o.ids,
		Begin: o.begin, Length: o.length, Rate: o.rate, Connections: o.connections,
	}
	text, err := json.Marshal(&l)
	if err != nil {
		return done, err
	}
	self, err := os.Executable()
	if err != nil {
		return done, err
	}
	var out, failure bytes.Buffer
	cmd := exec.CommandContext(ctx, self, "bench", "single", "load")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &out, &failure
	if err := cmd.Run(); err != nil {
		return done, errors.Join(fmt.Errorf("the load generator: %w: %s", err, failure.Bytes()), ctx.Err())
	}
	return done, json.Unmarshal(out.Bytes(), &done)
}

// run sends until the time is over and returns the accepted pushes.
func (l *singleLoad) run(ctx context.Context) (all singleLoaded, err error) {
	l.Begin = time.Now().Add(-time.Since(l.Begin)) // with a monotonic reading
	ctx, cancel := context.WithDeadline(ctx, l.Begin.Add(l.Length))
	defer cancel()
	cpu := cpuTime()
	lists := make([][]answered, l.Connections)
	failures := make(chan error, l.Connections)
	var wg sync.WaitGroup
	for i := range l.Connections {
		wg.Go(func() {
			c, err := dialKeepAlive(l.Address, l.Key, l.Secret)
			if err == nil {
				lists[i], err = l.sendOn(ctx, c)
				c.close()
			}
			if err != nil {
				failures <- err
			}
		})
	}
	wg.Wait()
	close(failures)
	all.CPU = cpuTime() - cpu
	all.Pushes = slices.Concat(lists...)
	return all, <-failures // nil if there was none
}

func (l *singleLoad) sendOn(ctx context.Context, c *keepAlive) (done []answered, err error) {
	var body []byte
	for {
		n := int(l.sent.Add(1)) - 1
		a := answered{Number: n, Due: time.Since(l.Begin)}
		if l.Rate > 0 {
			a.Due = time.Duration(n) * time.Second / time.Duration(l.Rate)
			if err := sleep(ctx, a.Due-time.Since(l.Begin)); err != nil {
				return done, nil
			}
		}
		if ctx.Err() != nil || n >= mostPushes {
			return done, nil
		}
		body = fmt.Appendf(body[:0], `{"platform":["ios"],"audience":{"registration_id":["%s"]},"notification":{"ios":{"alert":"%s%07d","sound":"default"}},"options":{"apns_production":false}}`, l.IDs[n%len(l.IDs)], mark, n)
		answer, err := c.exchange("/v3/push", body)
		if err != nil {
			return done, err
		}
		a.Answer = time.Since(l.Begin)
		if a.ID, err = messageID(answer); err != nil {
			return done, err
		}
		done = append(done, a)
	}
}

// messageID reads the msg_id of an answer, which is how a push is known later.
func messageID(answer []byte) (int64, error) {
	_, rest, _ := bytes.Cut(answer, []byte(`"msg_id":"`))
	digits, _, _ := bytes.Cut(rest, []byte(`"`))
	id, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("a push was answered without a msg_id: %.200s", answer)
	}
	return id, nil
}
