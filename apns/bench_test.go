//go:build unix

package apns

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestMain runs the gateway alone when the benchmark started this program as its gateway, so that the processor time of the two
// sides can be told apart.
func TestMain(m *testing.M) {
	if os.Getenv("APNS_TEST_GATEWAY") == "" {
		os.Exit(m.Run())
	}
	var t gatewayProcess
	url := (&quickGateway{}).start(&t)
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority().root.Raw})
	fmt.Printf("%s\n%s\n", url, root)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark ends
}

// gatewayProcess stands in for the test that a quickGateway wants.
type gatewayProcess struct{ testing.TB }

func (*gatewayProcess) Helper()        {}
func (*gatewayProcess) Cleanup(func()) {}
func (*gatewayProcess) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	os.Exit(1)
}

// separateGateway starts the gateway in another process and gives its URL and authority.
func separateGateway(b *testing.B) (url string, root []byte) {
	b.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "APNS_TEST_GATEWAY=1")
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		_ = command.Wait()
	})
	var text []byte
	buffer := make([]byte, 4096)
	for !bytes.Contains(text, []byte("END CERTIFICATE")) {
		n, err := stdout.Read(buffer)
		if err != nil {
			b.Fatal(err)
		}
		text = append(text, buffer[:n]...)
	}
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	return string(line), rest
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkSubmit measures what one notification costs the client over TLS, against a gateway in another process. The figure
// that counts is client-ns/op, the processor time of this process.
func BenchmarkSubmit(b *testing.B) {
	url, root := separateGateway(b)
	client, err := NewClient(Config{URL: url, Key: newKey(b), RootCAs: poolOf(root), MaxConnections: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	notifications := make([]*Notification, 4096)
	payload := []byte(`{"aps":{"alert":{"title":"Aurora","body":"` + string(bytes.Repeat([]byte("x"), 120)) + `"},"sound":"default"},"_j_msgid":1234567890}`)
	for i := range notifications {
		notifications[i] = notification(i)
		notifications[i].Payload = payload
		notifications[i].ID = [16]byte{byte(i), byte(i >> 8), 1}
	}
	refused := 0
	done := func(r *Result) {
		if r.Status != 200 {
			refused++
		}
	}
	if r := client.Push(context.Background(), notifications[0]); !r.Accepted() {
		b.Fatal(r)
	}
	ctx := context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	start := processorTime()
	for i := range b.N {
		if err := client.Submit(ctx, notifications[i&4095], done); err != nil {
			b.Fatal(err)
		}
	}
	if err := client.Shutdown(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(processorTime()-start)/float64(b.N), "client-ns/op")
	if refused > 0 {
		b.Errorf("%d were refused", refused)
	}
}
