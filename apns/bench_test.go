package apns

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// quickServe is the cheapest gateway that still speaks HTTP/2: every request is answered with 200 and nothing else, many in one
// write. It measures the client and not itself.
func quickServe(conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReaderSize(conn, 256<<10)
	if _, err := reader.Discard(len(connectionPreface)); err != nil {
		return
	}
	out := settingsFrame([]setting{{settingMaxStreams, 1000}})
	out = appendWindowUpdate(out, 0, 1<<30)
	credit := 0
	for {
		if reader.Buffered() < frameHeaderSize {
			if _, err := conn.Write(out); err != nil {
				return
			}
			out = out[:0]
		}
		head, err := reader.Peek(frameHeaderSize)
		if err != nil {
			return
		}
		kind, flags, stream := frameType(head[3]), head[4], binary.BigEndian.Uint32(head[5:])
		length := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		if reader.Buffered() < frameHeaderSize+length && len(out) > 0 {
			if _, err := conn.Write(out); err != nil {
				return
			}
			out = out[:0]
		}
		if _, err := reader.Discard(frameHeaderSize + length); err != nil {
			return
		}
		switch {
		case kind == frameData && flags&flagEndStream != 0:
			out = append(out, 0, 0, 1, byte(frameHeaders), flagEndHeaders|flagEndStream)
			out = append(binary.BigEndian.AppendUint32(out, stream), 0x88)
			if credit += length; credit > 1<<29 {
				out = appendWindowUpdate(out, 0, uint32(credit))
				credit = 0
			}
		case kind == frameSettings && flags&flagAck == 0:
			out = appendFrameHeader(out, 0, frameSettings, flagAck, 0)
		case kind == framePing && flags&flagAck == 0:
			out = append(appendFrameHeader(out, 8, framePing, flagAck, 0), make([]byte, 8)...)
		}
	}
}

// quickGateway runs quickServe over TLS on 127.0.0.1, in this process.
func quickGateway(t testing.TB) string {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{serverTLS()}, NextProtos: []string{"h2"}, DynamicRecordSizingDisabled: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go quickServe(conn)
		}
	}()
	return "https://" + listener.Addr().String()
}

// TestMain runs the gateway alone when the benchmark started this program as its gateway, so that the processor time of the two
// sides can be told apart.
func TestMain(m *testing.M) {
	if os.Getenv("APNS_TEST_GATEWAY") == "" {
		os.Exit(m.Run())
	}
	var t gatewayProcess
	url := quickGateway(&t)
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority().root.Raw})
	fmt.Printf("%s\n%s\n", url, root)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark ends
}

// gatewayProcess stands in for the test that quickGateway wants.
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
