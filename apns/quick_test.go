package apns

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"
)

// A quickGateway is the cheapest gateway that still speaks HTTP/2: every request is answered with 200 and nothing else, many in
// one write. It measures the client and not itself. It runs over TLS on 127.0.0.1.
type quickGateway struct {
	goAwayAfter int                     // requests after which a connection ends; 0: never
	wrap        func(net.Conn) net.Conn // around the accepted connection, above TLS
	served      atomic.Int64
	connections atomic.Int64
}

func (q *quickGateway) start(t testing.TB) string {
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
			q.connections.Add(1)
			if q.wrap != nil {
				conn = q.wrap(conn)
			}
			go q.serve(conn)
		}
	}()
	return "https://" + listener.Addr().String()
}

func (q *quickGateway) serve(conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReaderSize(conn, 256<<10)
	if _, err := reader.Discard(len(connectionPreface)); err != nil {
		return
	}
	out := settingsFrame([]setting{{settingMaxStreams, 1000}})
	out = appendWindowUpdate(out, 0, 1<<30)
	credit, served := 0, 0
	for {
		length := frameHeaderSize
		if reader.Buffered() >= frameHeaderSize {
			head, _ := reader.Peek(3)
			length += int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		}
		if reader.Buffered() < length && len(out) > 0 {
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
		length = int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		if _, err := reader.Discard(frameHeaderSize + length); err != nil {
			return
		}
		switch {
		case kind == frameData && flags&flagEndStream != 0:
			if q.goAwayAfter > 0 && served >= q.goAwayAfter {
				continue // above the last stream of the GOAWAY: not processed
			}
			served++
			q.served.Add(1)
			out = append(out, 0, 0, 1, byte(frameHeaders), flagEndHeaders|flagEndStream)
			out = append(binary.BigEndian.AppendUint32(out, stream), 0x88)
			if credit += length; credit > 1<<29 {
				out = appendWindowUpdate(out, 0, uint32(credit))
				credit = 0
			}
			if served == q.goAwayAfter {
				out = binary.BigEndian.AppendUint32(appendFrameHeader(out, 8, frameGoAway, 0, 0), stream)
				out = binary.BigEndian.AppendUint32(out, uint32(codeNoError))
			}
		case kind == frameSettings && flags&flagAck == 0:
			out = appendFrameHeader(out, 0, frameSettings, flagAck, 0)
		case kind == framePing && flags&flagAck == 0:
			out = append(appendFrameHeader(out, 8, framePing, flagAck, 0), make([]byte, 8)...)
		}
	}
}
