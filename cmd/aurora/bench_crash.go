package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/server"
	localapns "github.com/aurora-push/aurora/simulator/apns"
)

func benchCrashCommand() *cobra.Command {
	c := crash{}
	cmd := &cobra.Command{
		Use:   "crash [--kills N] [--life 400ms] [--data DIR] [--seed S]",
		Short: "Kill a working server again and again and count what was lost",
		Long: "Start `aurora serve` as a process of its own and kill it with SIGKILL at random moments, while devices register, pushes to one, to a handful and to all are sent, schedules fire and receipts come in. " +
			"A local APNs and a simulated iPhone, which live on, are the judges: what was answered with 200 must have been kept. Callers repeat what was not answered, with the same cid or install id. " +
			"Repeated notifications are compared with what was in flight at the kills: on the wire and not on record. The last line is JSON; the exit code is 0 only if nothing was lost and every counter is right.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.out = cmd.ErrOrStderr()
			r, err := c.run(cmd.Context())
			if err != nil {
				return err
			}
			if err := json.NewEncoder(cmd.OutOrStdout()).Encode(r); err != nil {
				return err
			}
			return r.verdict()
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.kills, "kills", 200, "how often to kill")
	f.StringVar(&c.dir, "data", "", "folder to work in (default: a temporary one)")
	f.Uint64Var(&c.seed, "seed", 0, "for the moments of the kills (0 = another one each time)")
	f.DurationVar(&c.life, "life", 400*time.Millisecond, "how long a server lives at most once it is ready, three of four of them once they work")
	return cmd
}

// crash supervises a server that is killed again and again.
type crash struct {
	kills int
	dir   string
	seed  uint64
	life  time.Duration
	out   io.Writer

	apns    *localapns.Server
	config  server.Config
	app     aurora.App
	load    *crashLoad
	judge   *crashJudge
	restart []time.Duration // from start to ready
}

type crashResult struct {
	Kills              int     `json:"kills"`
	Seconds            float64 `json:"seconds"`
	Pushes             int     `json:"pushes"` // accepted, scheduled ones included
	Notifications      int     `json:"notifications"`
	Lost               int     `json:"lost"`
	Repeated           int     `json:"repeated"`
	InFlight           int     `json:"in_flight"` // at the kills, all together
	RepeatRate         float64 `json:"repeat_rate"`
	Registrations      int     `json:"registrations"`
	LostRegistrations  int     `json:"lost_registrations"`
	Receipts           int     `json:"receipts"`
	LostReceipts       int     `json:"lost_receipts"`
	Schedules          int     `json:"schedules"`
	SchedulesNotOnce   int     `json:"schedules_not_once"`
	WrongCounters      int     `json:"wrong_counters"`
	OnPhone            int     `json:"on_phone"`
	PhoneRepeats       int     `json:"phone_repeats"`       // that reached the phone
	PhoneDuplicates    int     `json:"phone_duplicates"`    // of them shown a second time
	RestartMiddle      float64 `json:"restart_p50_ms"`      // from start to ready
	RestartWorst       float64 `json:"restart_max_ms"`      //
	RefusedWrongly     int     `json:"refused_wrongly"`     // answers that were neither 200 nor "not now"
	RepeatsUnexplained int     `json:"repeats_unexplained"` // repeated beyond what was in flight
}

// verdict is an error unless nothing was lost and everything adds up.
func (r crashResult) verdict() error {
	if r.Lost+r.LostRegistrations+r.LostReceipts+r.SchedulesNotOnce+r.WrongCounters+r.PhoneDuplicates+r.RefusedWrongly+r.RepeatsUnexplained > 0 {
		return errors.New("something was lost or does not add up; see above")
	}
	return nil
}

func (c *crash) say(format string, args ...any) { fmt.Fprintf(c.out, format+"\n", args...) }

func (c *crash) run(ctx context.Context) (r crashResult, err error) {
	if c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "aurora-crash-"); err != nil {
			return r, err
		}
		defer os.RemoveAll(c.dir)
	}
	if c.seed == 0 {
		c.seed = rand.Uint64()
	}
	begin := time.Now()
	if err := c.prepare(ctx); err != nil {
		return r, err
	}
	defer shutdown(c.apns)
	c.say("%d kills, seed %d, in %s", c.kills, c.seed, c.dir)
	stop, err := c.start(ctx)
	if err != nil {
		return r, err
	}
	if err := errors.Join(c.load.installPhone(ctx), stop()); err != nil {
		return r, err
	}
	working, stopWorking := context.WithCancel(ctx)
	defer stopWorking()
	done := c.load.start(working)
	err = c.killing(ctx)
	if err == nil {
		if stop, err = c.start(ctx); err != nil { // one that may live and finish
			return r, err
		}
		c.load.finish() // what was begun is repeated until it is answered
		done()
		r, err = c.judge.judge(ctx)
		err = errors.Join(err, stop())
	}
	stopWorking()
	c.load.stop()
	r.Kills, r.Seconds = c.kills, time.Since(begin).Seconds()
	if len(c.restart) > 0 {
		slices.Sort(c.restart)
		r.RestartMiddle, r.RestartWorst = float64(c.restart[len(c.restart)/2].Milliseconds()), float64(c.restart[len(c.restart)-1].Milliseconds())
	}
	return r, err
}

// killing lets servers live for a moment each.
func (c *crash) killing(ctx context.Context) error {
	draw := rand.New(rand.NewPCG(c.seed, 1))
	for n := range c.kills {
		stop, err := c.startKillable(ctx)
		if err != nil {
			return fmt.Errorf("after %d kills: %w", n, err)
		}
		if n%4 > 0 { // every fourth dies at any moment, the others at work
			err = c.judge.awaitWork(ctx)
		}
		if err = errors.Join(err, sleep(ctx, time.Duration(draw.Int64N(int64(c.life))))); err != nil {
			return errors.Join(err, stop())
		}
		if err := stop(); err != nil {
			return err
		}
		if err := c.judge.countInFlight(ctx); err != nil {
			return fmt.Errorf("after %d kills the data cannot be read: %w", n+1, err)
		}
		if (n+1)%20 == 0 {
			c.say("%d kills: %s", n+1, c.judge.progress())
		}
	}
	return nil
}

// prepare sets up an account, an app with a credential, and the devices that
// make a push to all a broadcast.
func (c *crash) prepare(ctx context.Context) (err error) {
	apnsDir := filepath.Join(c.dir, "apns")
	if err := os.MkdirAll(apnsDir, 0o700); err != nil {
		return err
	}
	if c.apns, err = localapns.NewServer(localapns.Config{Dir: apnsDir, AcceptAnyToken: true, Keep: 1 << 20}); err != nil {
		return err
	}
	if err := c.apns.Start(ctx); err != nil {
		return err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.config = server.Config{Data: filepath.Join(c.dir, "data"), Listen: free.Addr().String(), APNs: c.apns.ProductionURL(), APNsSandbox: c.apns.SandboxURL(), APNsCA: filepath.Join(apnsDir, "ca.pem")}
	if err := free.Close(); err != nil {
		return err
	}
	err = c.beside(ctx, func(s *server.Server) error {
		a, _, err := s.Accounts.Create(ctx, demoEmail, aurora.NewKey())
		if err != nil {
			return err
		}
		if c.app, err = s.Accounts.CreateApp(ctx, a.ID, demoAppName, demoBundleID); err != nil {
			return err
		}
		p12, err := c.apns.Issue(localapns.IssueRequest{BundleID: demoBundleID, Development: true, Production: true, Password: "crash"})
		if err != nil {
			return err
		}
		if _, err = s.Accounts.StoreCredential(ctx, c.app, account.Upload{File: p12.P12, Password: "crash"}); err != nil {
			return err
		}
		c.judge = newCrashJudge(c)
		c.load = newCrashLoad(c)
		return c.load.registerBase(ctx, s)
	})
	if err != nil {
		return errors.Join(err, shutdown(c.apns))
	}
	return nil
}

// beside opens the data as a command-line tool does, whether or not a server
// is using it.
func (c *crash) beside(ctx context.Context, do func(*server.Server) error) error {
	s, err := server.Open(ctx, c.config)
	if err != nil {
		return err
	}
	return errors.Join(do(s), shutdown(s))
}

// onCopy opens a copy of the data: the next server is to find what the killed
// one left, not what somebody has put in order meanwhile.
func (c *crash) onCopy(ctx context.Context, do func(*server.Server) error) error {
	dir := filepath.Join(c.dir, "copy")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(c.config.Data)); err != nil {
		return err
	}
	config := c.config
	config.Data = dir
	s, err := server.Open(ctx, config)
	if err != nil {
		return err
	}
	return errors.Join(do(s), shutdown(s))
}

// start runs a server; the returned function asks it to stop.
func (c *crash) start(ctx context.Context) (stop func() error, err error) {
	cmd, err := c.spawn(ctx)
	if err != nil {
		return nil, err
	}
	return sync.OnceValue(func() error {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			return err
		}
		return cmd.Wait()
	}), nil
}

// startKillable runs a server; the returned function kills it.
func (c *crash) startKillable(ctx context.Context) (kill func() error, err error) {
	cmd, err := c.spawn(ctx)
	if err != nil {
		return nil, err
	}
	return func() error {
		err := cmd.Process.Kill() // SIGKILL
		cmd.Wait()                // says that it was killed
		return err
	}, nil
}

// startTime bounds how long a server may take to be ready after a kill.
const startTime = 30 * time.Second

// spawn starts a server process and waits until it is ready.
func (c *crash) spawn(ctx context.Context) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "serve", "--data", c.config.Data, "--listen", c.config.Listen, "--apns", c.config.APNs, "--apns-sandbox", c.config.APNsSandbox, "--apns-ca", c.config.APNsCA,
		"--push-limit", "1000000000", "--device-limit", "1000000000", "--report-limit", "1000000000", "--schedule-limit", "1000000000", "--max-schedules", "100000", "--log-level", "warn")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AURORA_") })
	cmd.Stderr = c.out
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(out).ReadString('\n')
		if err == nil && !strings.Contains(line, "ready") {
			err = fmt.Errorf("the server says %q instead of being ready", line)
		}
		ready <- err
		io.Copy(io.Discard, out)
	}()
	select {
	case err = <-ready:
	case <-time.After(startTime):
		err = fmt.Errorf("the server was not ready within %v", startTime)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return nil, err
	}
	c.restart = append(c.restart, time.Since(begin))
	return cmd, nil
}
