package apns

import (
	"bytes"
	"encoding/binary"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"
)

// FuzzDecoder compares the decoder that reads in place with the general one of golang.org/x/net, over two blocks of one
// connection, because the table lives on between them.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0x88}, []byte{0x88})
	f.Add(headerBlock(":status", "410", "apns-id", "EC1BF194-B3B2-424A-89F6-5C7A5AF6D76E"), []byte{0x20, 0x8d})
	var encoded bytes.Buffer
	encoder := hpack.NewEncoder(&encoded)
	for _, field := range []hpack.HeaderField{{Name: ":status", Value: "403"}, {Name: "apns-id", Value: "EC1BF194-B3B2-424A-89F6-5C7A5AF6D76E"}, {Name: "date", Value: "Mon, 02 Jan 2006 15:04:05 GMT"}, {Name: "apns-unique-id", Value: "x"}} {
		_ = encoder.WriteField(field)
	}
	f.Add(encoded.Bytes(), []byte{0x80 | 62, 0x80 | 63})
	f.Add([]byte{0x0f, 0x80, 0x80, 0x80, 0x80, 0x01}, []byte{0x40, 0x01, 'a', 0x01, 'b'})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		ours := newDecoder()
		theirs := hpack.NewDecoder(headerTableSize, nil)
		theirs.SetMaxStringLength(maxFrameSize)
		for _, block := range [][]byte{first, second} {
			var head responseHead
			err := ours.decode(block, &head)
			fields, wantErr := theirs.DecodeFull(block)
			if wantErr != nil {
				return // we may be more lenient about strings that nobody reads
			}
			if err != nil {
				t.Fatalf("block %x was refused (%v); it holds %v", block, err, fields)
			}
			want := map[string]string{}
			for _, field := range fields {
				want[field.Name] = field.Value
			}
			if status, ok := want[":status"]; ok && parseStatus([]byte(status)) != head.status {
				t.Fatalf("block %x: status %d, want %s", block, head.status, status)
			}
			for name, value := range map[string]rawText{"apns-unique-id": head.uniqueID, "apns-channel-id": head.channelID, "date": head.date, "retry-after": head.retryAfter} {
				if got := string(value.append(ours, nil)); got != want[name] {
					t.Fatalf("block %x: %s is %q, want %q", block, name, got, want[name])
				}
			}
		}
	})
}

// FuzzFrames feeds arbitrary bytes to the reader as the gateway's side of a connection: whatever comes, it must not panic, and
// every request must get exactly one result.
func FuzzFrames(f *testing.F) {
	f.Add(settingsFrame([]setting{{settingMaxStreams, 1000}}))
	f.Add(slices.Concat(settingsFrame(nil), headersFrame(1, flagEndHeaders|flagEndStream, []byte{0x88}), appendReset(nil, 3, codeRefusedStream), appendWindowUpdate(nil, 0, 9)))
	f.Add(slices.Concat(headersFrame(1, 0, headerBlock(":status", "410")), append(appendFrameHeader(nil, 0, frameContinuation, flagEndHeaders, 1), dataFrame(1, flagEndStream, `{"reason":"Unregistered","timestamp":1}`)...)))
	f.Add(slices.Concat(dataFrame(1, flagPadded, "\x01xx"), appendGoAway(nil, codeNoError)))
	f.Add(append(appendFrameHeader(nil, 8, framePing, 0, 0), "12345678"...))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		results := map[uint64]int{}
		client, err := NewClient(Config{URL: Production, Key: &Key{}})
		if err != nil {
			t.Fatal(err)
		}
		defer client.stop()
		c := newConnection(client, client.credential.Load(), discard{}, nil)
		for i := range 5 {
			c.pending.put(pendingSlot{stream: c.nextStream, sentAt: 1, request: request{notification: notification(i), done: func(r *Result) { results[r.Notification.Tag]++ }}})
			c.nextStream += 2
			client.submitted++
		}
		reader := &answerReader{c: c, decoder: newDecoder(), open: map[uint32]*answer{}}
		_, _ = reader.frames(data)
		reader.settle()
		c.fail(&Failure{Cause: CauseNetwork})
		client.end()
		for i := range 5 {
			if results[uint64(i)] != 1 {
				t.Fatalf("request %d got %d results", i, results[uint64(i)])
			}
		}
	})
}

// FuzzEncoder writes requests and reads them with the decoder of golang.org/x/net, across changes of the table.
func FuzzEncoder(f *testing.F) {
	f.Add("com.example.app", "alert", "collapse", "token", uint32(4096), uint8(3))
	f.Add(strings.Repeat("t", 255), "", "", "", uint32(100), uint8(0))
	f.Fuzz(func(t *testing.T, topic, pushType, collapse, token string, table uint32, times uint8) {
		theirs := hpack.NewDecoder(headerTableSize, nil)
		e := newEncoder("gateway.example", "")
		for i := range int(times%8) + 3 {
			n := notification(i)
			n.Topic, n.PushType, n.CollapseID = topic, PushType(pushType), collapse
			if i%2 == 1 {
				n.ID[3], n.Expiration = byte(i), DeliverOnce()
			}
			if n.refuse(nil) != "" || len(token) > 300 {
				return
			}
			switch i {
			case 1:
				e.setTableSize(table)
				theirs.SetAllowedMaxDynamicTableSize(table)
			case 2:
				e.setAuthorization(token)
			}
			data := e.appendHeaders(nil, 1, n)
			frame, size, err := nextFrame(data)
			if err != nil || size != len(data) || frame.kind != frameHeaders || frame.flags != flagEndHeaders {
				t.Fatalf("frame %+v, %d of %d bytes, %v", frame, size, len(data), err)
			}
			fields, err := theirs.DecodeFull(frame.payload)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, field := range fields {
				got[field.Name] = field.Value
			}
			want := map[string]string{":method": "POST", ":scheme": "https", ":authority": "gateway.example", ":path": "/3/device/" + n.Token, "apns-topic": topic, "apns-priority": "10", "apns-push-type": pushType}
			if pushType == "" {
				want["apns-push-type"] = string(typeOf(topic))
			}
			if collapse != "" {
				want["apns-collapse-id"] = collapse
			}
			if i >= 2 && token != "" {
				want["authorization"] = "bearer " + token
			}
			if i%2 == 1 {
				want["apns-expiration"], want["apns-id"] = "0", string(appendUUID(nil, n.ID))
			}
			if len(fields) != len(want) || !maps.Equal(got, want) {
				t.Fatalf("request %d reads %v, want %v", i, fields, want)
			}
		}
	})
}

// FuzzPendingTable compares the table with a map.
func FuzzPendingTable(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 5, 0, 9})
	f.Add(bytes.Repeat([]byte{0, 0, 0, 0, 0, 0, 0, 1}, 40))
	f.Fuzz(func(t *testing.T, steps []byte) {
		var table pendingTable
		model := map[uint32]bool{}
		next := uint32(1)
		for _, step := range steps {
			if step%4 != 3 { // open some streams, then answer one of the past
				for range int(step) * 8 {
					table.put(pendingSlot{stream: next})
					model[next] = true
					next += 2
				}
				continue
			}
			stream := next/uint32(step) | 1
			slot, ok := table.take(stream)
			if ok != model[stream] || ok && slot.stream != stream {
				t.Fatalf("take(%d) = %v, %v, want %v", stream, slot.stream, ok, model[stream])
			}
			delete(model, stream)
			if table.has(stream) || table.count != len(model) {
				t.Fatalf("after take(%d): has %v, count %d, want %d", stream, table.has(stream), table.count, len(model))
			}
		}
		rest := table.takeIf(nil, func(*pendingSlot) bool { return true })
		for _, slot := range rest {
			if !model[slot.stream] {
				t.Fatalf("stream %d came out twice or was never in", slot.stream)
			}
			delete(model, slot.stream)
		}
		if len(model) != 0 || table.count != 0 {
			t.Fatalf("%d streams were lost, count %d", len(model), table.count)
		}
	})
}

func TestUUIDRoundTrip(t *testing.T) {
	id := [16]byte{}
	for i := range id {
		id[i] = byte(i * 17)
	}
	text := string(appendUUID(nil, id))
	for _, form := range []string{text, strings.ToUpper(text)} {
		if got, ok := parseUUID([]byte(form)); !ok || got != id {
			t.Errorf("parseUUID(%s) = %x, %v", form, got, ok)
		}
	}
	for _, bad := range []string{"", text[1:], strings.ReplaceAll(text, "-", "+"), strings.Replace(text, "0", "g", 1), text + "0"} {
		if _, ok := parseUUID([]byte(bad)); ok {
			t.Errorf("parseUUID accepted %q", bad)
		}
	}
}

func TestHeaderBlockStaysSmall(t *testing.T) {
	// Spec 2.6: the decision is worth it only if a request with a provider token and an apns-id takes about 100 bytes.
	e := newEncoder("api.push.apple.com", "")
	e.setAuthorization(strings.Repeat("t", 191))
	var size int
	for i := range 3 {
		n := notification(i)
		n.ID[0] = byte(i)
		size = len(e.appendHeaders(nil, uint32(2*i+1), n)) - frameHeaderSize
	}
	if size > 125 {
		t.Errorf("the third request takes %d bytes of headers", size)
	}
	if bytes := binary.Size(e.recent.bytes); bytes > 8 {
		t.Errorf("the steady headers take %d bytes, want one each", bytes)
	}
}

// discard is a connection to nowhere.
type discard struct{ net.Conn }

func (discard) Write(p []byte) (int, error)        { return len(p), nil }
func (discard) Close() error                       { return nil }
func (discard) SetWriteDeadline(_ time.Time) error { return nil }
