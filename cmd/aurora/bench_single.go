package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora/registry"
)

func benchSingleCommand(profile *cpuProfile) *cobra.Command {
	o := singleBench{profile: profile}
	var data string
	cmd := &cobra.Command{
		Use:   "single [--time 10s] [--rate R] [--connections C] [--broadcast N] [--data DIR]",
		Short: "Measure pushes to one device each, beside a push to N others",
		Long: "Start Aurora and a local APNs in bench mode in this process, and a load generator in another one, which sends pushes to one device each through REST, over keep-alive connections that each wait for their answer. With --rate they are sent at that rate, else as fast as they are answered. With --broadcast a push to N devices runs beside them, one after the other. " +
			"The time to the wire is from when a push was due to when its notification reached the local APNs: it includes the caller's own waiting. The CPU time is of both processes, and of the generator alone. --cpu-profile is of the server and the local APNs while pushes are sent. The last line is JSON.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := o.run(cmd.Context(), cmd.ErrOrStderr(), data)
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&o.length, "time", 10*time.Second, "how long to send")
	f.IntVar(&o.rate, "rate", 0, "pushes a second (0 = as fast as they are answered)")
	f.IntVar(&o.connections, "connections", 128, "keep-alive connections")
	f.IntVar(&o.broadcast, "broadcast", 0, "devices of the push that runs beside them (0 = none)")
	f.StringVar(&data, "data", "", "folder to work in, which keeps its devices (default: a temporary one)")
	cmd.AddCommand(singleLoadCommand())
	return cmd
}

// singleTargets is how many devices get the single pushes.
const singleTargets = 1000

type singleBench struct {
	length                       time.Duration
	rate, connections, broadcast int
	profile                      *cpuProfile // while pushes are sent

	d       *demo
	ids     []string       // registration ids of the targets
	onWire  []atomic.Int64 // by number of the push: nanoseconds since begin, 0 for not yet
	arrived atomic.Int64   // different pushes
	again   atomic.Int64   // repeats
	begin   time.Time
}

type singleResult struct {
	Accepted     int     `json:"accepted"`
	AcceptedRate float64 `json:"accepted_rate"`
	SettledRate  float64 `json:"on_wire_rate"`
	P50          float64 `json:"to_wire_p50_ms"`
	P99          float64 `json:"to_wire_p99_ms"`
	Worst        float64 `json:"to_wire_max_ms"`
	AnswerP50    float64 `json:"to_answer_p50_ms"`
	AnswerP99    float64 `json:"to_answer_p99_ms"`
	Seconds      float64 `json:"seconds"`
	CPU          float64 `json:"cpu_seconds"`
	GeneratorCPU float64 `json:"generator_cpu_seconds"` // in it
	CPUPer       float64 `json:"cpu_us_per_push"`       // of all, a broadcast included
	Broadcasts   float64 `json:"broadcasts"`
	BroadcastPer float64 `json:"broadcast_rate"`
	Lost         int64   `json:"lost"`
	Repeated     int64   `json:"repeated"`
}

func (o *singleBench) run(ctx context.Context, progress io.Writer, data string) (r singleResult, err error) {
	if data == "" {
		if data, err = os.MkdirTemp("", "aurora-bench-"); err != nil {
			return r, err
		}
		defer os.RemoveAll(data)
	}
	o.onWire = make([]atomic.Int64, mostPushes)
	o.begin = time.Now()
	o.d = &demo{dir: data, logger: slog.New(slog.DiscardHandler), bench: true, bodies: o.arrive}
	defer o.d.stop()
	if err := o.prepare(ctx, progress); err != nil {
		return r, err
	}
	o.begin = time.Now()
	cpu := cpuTime()
	sending, stop := context.WithTimeout(ctx, o.length)
	defer stop()
	var wg sync.WaitGroup
	var broadcastErr error
	if o.broadcast > 0 {
		wg.Go(func() { r.Broadcasts, broadcastErr = o.broadcasting(sending) })
	}
	if err := o.profile.begin(); err != nil {
		return r, err
	}
	load, err := o.generate(ctx)
	if err = errors.Join(err, o.profile.end()); err != nil {
		return r, err
	}
	latencies := load.Pushes
	r.Seconds = time.Since(o.begin).Seconds()
	r.Accepted = len(latencies)
	r.AcceptedRate = float64(r.Accepted) / r.Seconds
	stop()
	wg.Wait()
	if broadcastErr != nil && ctx.Err() == nil {
		return r, broadcastErr
	}
	r.BroadcastPer = r.Broadcasts * float64(o.broadcast) / time.Since(o.begin).Seconds()
	for end := time.Now().Add(30 * time.Second); o.arrived.Load() < int64(r.Accepted) && time.Now().Before(end); {
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return r, err
		}
	}
	r.SettledRate = float64(o.arrived.Load()) / time.Since(o.begin).Seconds()
	r.GeneratorCPU = load.CPU.Seconds()
	r.CPU = (cpuTime() - cpu).Seconds() + r.GeneratorCPU
	r.CPUPer = r.CPU * 1e6 / float64(max(1, r.Accepted))
	o.judge(&r, latencies)
	return r, nil
}

func (o *singleBench) prepare(ctx context.Context, progress io.Writer) error {
	if err := o.d.startMeasured(ctx); err != nil {
		return err
	}
	devices := max(singleTargets, o.broadcast)
	if err := registerMissing(ctx, o.d, devices, false, registerMany); err != nil {
		return err
	}
	fmt.Fprintf(progress, "%d devices are registered\n", devices)
	list, err := o.d.server.Registry.Devices(ctx, o.d.app.ID, registry.Query{Limit: singleTargets})
	for _, d := range list {
		o.ids = append(o.ids, d.RegistrationID)
	}
	return err
}

// mark stands before a push's number in its text.
const mark = "single "

// arrive is told every body that reaches the local APNs.
func (o *singleBench) arrive(body []byte) {
	at := bytes.Index(body, []byte(mark))
	if at < 0 || len(body) < at+len(mark)+7 {
		return // the broadcast's
	}
	n := 0
	for _, c := range body[at+len(mark) : at+len(mark)+7] {
		n = 10*n + int(c-'0')
	}
	if n >= len(o.onWire) {
		return
	}
	if o.onWire[n].CompareAndSwap(0, int64(time.Since(o.begin))) {
		o.arrived.Add(1)
	} else {
		o.again.Add(1)
	}
}

// broadcasting sends one push after the other to everyone, each as soon as the
// one before is settled, and returns how many were, the last one in part.
func (o *singleBench) broadcasting(ctx context.Context) (done float64, err error) {
	c, err := restClient(o.d)
	if err != nil {
		return 0, err
	}
	for ctx.Err() == nil {
		// A push that was begun is accepted, also when the time is over: else
		// nobody would know of it to stop it.
		pushing, pushed := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		receipt, err := c.Push(pushing, toEveryone)
		pushed()
		if err == nil {
			_, err = settled(ctx, c, receipt.MessageID)
		}
		if err == nil {
			done++
			continue
		}
		if ctx.Err() == nil || receipt.MessageID == "" {
			return done, err
		}
		// It has to end, or it would go on when the folder is used again.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := c.Stop(ending, receipt.MessageID); err != nil {
			return done, err
		}
		report, err := settled(ending, c, receipt.MessageID)
		return done + float64(report.Accepted)/float64(o.broadcast), err
	}
	return done, nil
}

// judge compares what was accepted with what arrived.
func (o *singleBench) judge(r *singleResult, all []answered) {
	var toWire, toAnswer []time.Duration
	ids := make(map[int64]bool, len(all))
	for _, a := range all {
		if ids[a.ID] {
			r.Lost++ // two pushes cannot be one message
			continue
		}
		ids[a.ID] = true
		at := time.Duration(o.onWire[a.Number].Load())
		if at == 0 {
			r.Lost++
			continue
		}
		toWire, toAnswer = append(toWire, at-a.Due), append(toAnswer, a.Answer-a.Due)
	}
	r.Repeated = o.again.Load()
	if len(toWire) == 0 {
		return
	}
	slices.Sort(toWire)
	slices.Sort(toAnswer)
	ms := func(list []time.Duration, share float64) float64 {
		return float64(list[min(int(share*float64(len(list))), len(list)-1)].Microseconds()) / 1e3
	}
	r.P50, r.P99, r.Worst = ms(toWire, 0.5), ms(toWire, 0.99), ms(toWire, 1)
	r.AnswerP50, r.AnswerP99 = ms(toAnswer, 0.5), ms(toAnswer, 0.99)
}
