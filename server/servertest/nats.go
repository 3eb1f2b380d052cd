package servertest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// natsVariable makes a program a NATS server: ServeNATS.
const natsVariable = "AURORA_TEST_NATS_SERVER"

// natsToken is what the servers ask of their clients.
const natsToken = "s3cret"

// ServeNATS makes this process one of a NATS cluster, until its input ends, if
// StartNATS started it. A program that calls StartNATS calls it first.
func ServeNATS() bool {
	text := os.Getenv(natsVariable)
	if text == "" {
		return false
	}
	var n natsNode
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		panic(err) // it is ours
	}
	o := &natsserver.Options{
		Host: "127.0.0.1", Port: n.Port, ServerName: fmt.Sprint(n.Port), Authorization: natsToken, NoLog: true, NoSigs: true,
		Cluster: natsserver.ClusterOpts{Name: "aurora", Host: "127.0.0.1", Port: n.RoutePort, NoAdvertise: true}, // clients keep to what they were given: it can be cut
	}
	for _, port := range n.Routes {
		o.Routes = append(o.Routes, natsserver.RoutesFromStr(fmt.Sprintf("nats://127.0.0.1:%d", port))...)
	}
	s, err := natsserver.NewServer(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go s.Start()
	if !s.ReadyForConnections(natsTime) {
		fmt.Fprintln(os.Stderr, "NATS does not start")
		os.Exit(1)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
	return true
}

const natsTime = 20 * time.Second

// NATS is a NATS server in a process of its own, one of a cluster.
type NATS struct {
	node  natsNode
	cmd   *exec.Cmd
	alive io.Closer
}

type natsNode struct {
	Port, RoutePort int
	Routes          []int // of all
}

// StartNATS starts a cluster of n servers, by running this program again.
func StartNATS(n int) ([]*NATS, error) {
	ports, err := freePorts(2 * n)
	if err != nil {
		return nil, err
	}
	servers := make([]*NATS, n)
	for i := range servers {
		servers[i] = &NATS{node: natsNode{ports[i], ports[n+i], ports[n:]}}
		if err := servers[i].Start(); err != nil {
			for _, s := range servers[:i] {
				s.Kill()
			}
			return nil, err
		}
	}
	return servers, nil
}

// freePorts are ports that nobody listens on at the moment.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at the end, or a port would come twice
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// Start starts the server, also after Kill.
func (s *NATS) Start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(s.node)
	if err != nil {
		return err
	}
	s.cmd = exec.Command(self)
	s.cmd.Env, s.cmd.Stderr = append(os.Environ(), natsVariable+"="+string(text)), os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if s.alive, err = s.cmd.StdinPipe(); err != nil { // it ends with this process
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	patience := time.AfterFunc(natsTime, func() { s.cmd.Process.Kill() })
	defer patience.Stop()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		s.Kill()
		return fmt.Errorf("a NATS server did not start: %q, %w", line, err)
	}
	return nil
}

// Kill ends the server with SIGKILL.
func (s *NATS) Kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.alive.Close()
}

// Address is where clients connect, host:port.
func (s *NATS) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.node.Port) }

// NATSURL is the URL of servers at addresses, for --nats.
func NATSURL(addresses ...string) string {
	urls := make([]string, len(addresses))
	for i, a := range addresses {
		urls[i] = "nats://" + natsToken + "@" + a
	}
	return strings.Join(urls, ",")
}
