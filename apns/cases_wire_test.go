package apns

import (
	"fmt"
	"testing"
	"time"
)

// The cases of spec 9.4 about what is on the wire.

func TestC17FramesInAllForms(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 6)
		p := g.peer(0)
		p.expect(6)
		head := headerBlock(":status", "400", "apns-id", "EC1BF194-B3B2-424A-89F6-5C7A5AF6D76E")
		continuation := func(flags uint8, part []byte) []byte {
			return append(appendFrameHeader(nil, len(part), frameContinuation, flags, 1), part...)
		}
		// 1: headers in three pieces with priority and padding, body split and padded, trailers.
		first := append([]byte{4, 0, 0, 0, 0, 16}, head[:5]...)
		first = append(first, 0, 0, 0, 0)
		p.raw(headersFrame(1, flagPadded|flagPriority, first))
		p.raw(continuation(0, head[5:9]))
		p.raw(continuation(flagEndHeaders, head[9:]))
		p.raw(append(appendFrameHeader(nil, 7, 0xfa, 0xff, 1), "unknown"...))
		p.raw(dataFrame(1, flagPadded, "\x03"+`{"reas`+"abc"))
		p.raw(dataFrame(1, 0, ""))
		p.raw(dataFrame(1, 0, `on":"BadDeviceToken"}`))
		p.raw(headersFrame(1, flagEndHeaders|flagEndStream, headerBlock("trailer", "x")))
		if r := g.result(0); r.Status != 400 || r.Reason != "BadDeviceToken" || r.ID[0] != 0xec {
			t.Errorf("split answer: %+v", r)
		}
		// 3: an interim answer first.
		p.raw(headersFrame(3, flagEndHeaders, headerBlock(":status", "103", "link", "x")))
		p.accept(3)
		// 5: the dynamic table is used although we announced none, as a peer may before it has read our settings.
		p.raw(headersFrame(5, flagEndHeaders|flagEndStream, append([]byte{0x88, 0x40}, append(appendString(nil, "apns-id"), appendString(nil, "00000000-0000-0000-0000-0000000000aa")...)...)))
		p.raw(headersFrame(7, flagEndHeaders|flagEndStream, []byte{0x88, 0x80 | 62}))
		g.settled(1, 4, accepted)
		if g.result(2).ID[15] != 0xaa || g.result(3).ID[15] != 0xaa {
			t.Error("apns-id from the dynamic table was not read")
		}
		// PRIORITY, PING and SETTINGS in between; several frames in one piece and one in many.
		p.raw(append(appendFrameHeader(nil, 5, 0x2, 0, 9), 0, 0, 0, 0, 1))
		p.raw(append(appendFrameHeader(nil, 8, framePing, 0, 0), "12345678"...))
		both := append(headersFrame(9, flagEndHeaders|flagEndStream, []byte{0x88}), headersFrame(11, flagEndHeaders|flagEndStream, []byte{0x88})...)
		for _, b := range both {
			p.raw([]byte{b})
		}
		g.settled(4, 6, accepted)
	})
}

func TestProtocolViolationsEndTheConnection(t *testing.T) {
	for name, frames := range map[string][]byte{
		"frame too large":              appendFrameHeader(nil, maxFrameSize+1, frameData, 0, 1),
		"push promise":                 append(appendFrameHeader(nil, 4, framePushPromise, flagEndHeaders, 1), 0, 0, 0, 2),
		"continuation out of place":    appendFrameHeader(nil, 0, frameContinuation, flagEndHeaders, 1),
		"interrupted headers":          append(headersFrame(1, 0, []byte{0x88}), dataFrame(1, 0, "x")...),
		"headers on stream 0":          headersFrame(0, flagEndHeaders, []byte{0x88}),
		"data on stream 0":             dataFrame(0, 0, "x"),
		"bad header block":             headersFrame(1, flagEndHeaders, []byte{0x80}),
		"index beyond the table":       headersFrame(1, flagEndHeaders, []byte{0x80 | 100}),
		"padding beyond the frame":     dataFrame(1, flagPadded, "\x09x"),
		"short window update":          appendFrameHeader(nil, 0, frameWindowUpdate, 0, 0),
		"window overflow":              append(appendWindowUpdate(nil, 0, maxWindow), appendWindowUpdate(nil, 0, maxWindow)...),
		"odd settings":                 append(appendFrameHeader(nil, 1, frameSettings, 0, 0), 0),
		"window setting over the top":  settingsFrame([]setting{{settingInitialWindowSize, 1 << 31}}),
		"frame size below the minimum": settingsFrame([]setting{{settingMaxFrameSize, 100}}),
		"short ping":                   append(appendFrameHeader(nil, 1, framePing, 0, 0), 0),
		"short goaway":                 append(appendFrameHeader(nil, 4, frameGoAway, 0, 0), 0, 0, 0, 0),
		"endless headers": func() []byte {
			frames := headersFrame(1, 0, make([]byte, 16000))
			for range 5 {
				frames = append(append(frames, appendFrameHeader(nil, 16000, frameContinuation, 0, 1)...), make([]byte, 16000)...)
			}
			return frames
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			script(t, Config{}, func(t *testing.T, g *gateway) {
				g.submit(0, 1)
				p := g.peer(0)
				p.raw(frames)
				r := g.result(0)
				if f, ok := r.Err.(*Failure); !ok || f.Cause != CauseProtocol && f.Cause != CauseNetwork || f.Safe {
					t.Errorf("result %+v, want an unknown outcome", r)
				}
				if p.seen().failure == nil {
					t.Error("the connection is still open")
				}
			})
		})
	}
}

func TestC18UnusualBodies(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 6)
		p := g.peer(0)
		p.expect(6)
		p.raw(headersFrame(1, flagEndHeaders, []byte{0x88}))
		p.raw(dataFrame(1, flagEndStream, "a body although accepted"))
		p.raw(headersFrame(3, flagEndHeaders|flagEndStream, headerBlock(":status", "400")))
		p.raw(headersFrame(5, flagEndHeaders, headerBlock(":status", "400")))
		p.raw(dataFrame(5, flagEndStream, `{"reason`))
		p.raw(headersFrame(7, flagEndHeaders, headerBlock(":status", "400")))
		for range 10 {
			p.raw(dataFrame(7, 0, string(make([]byte, 10_000))))
		}
		p.raw(headersFrame(9, flagEndHeaders, headerBlock(":status", "410")))
		p.raw(dataFrame(9, 0, `{"reason":"Unregistered"`))
		p.reset(9, codeNoError) // the status has arrived and counts
		p.raw(headersFrame(11, flagEndHeaders, headerBlock(":status", "410")))
		p.raw(dataFrame(11, flagEndStream, `{"timestamp":{},"reason":"Unregistered"}`))
		g.settled(0, 1, accepted)
		for i, want := range map[int]int{1: 400, 2: 400, 3: 400, 4: 410, 5: 410} {
			if r := g.result(i); r.Status != want || r.Err != nil {
				t.Errorf("notification %d: %+v, want status %d", i, r, want)
			}
		}
		if g.result(5).Reason != "Unregistered" {
			t.Error("a strange timestamp spoiled the reason")
		}
		if p.seen().resets[7] != codeCancel {
			t.Error("a body of 100 kB was not cut off")
		}
	})
}

func TestC19UnknownStatusAndReason(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 3)
		p := g.peer(0)
		p.expect(3)
		p.reject(1, 418, reason("Teapot"))
		p.reject(3, 599, reason("Whatever"))
		p.reject(5, 403, reason("NewCredentialTrouble"))
		for i, want := range []Result{{Status: 418, Reason: "Teapot"}, {Status: 599, Reason: "Whatever"}, {Status: 403, Reason: "NewCredentialTrouble"}} {
			r := g.result(i)
			class := []Class{ClassRequest, ClassServer, ClassCredential}[i]
			if r.Status != want.Status || r.Reason != want.Reason || r.Class() != class || r.Err != nil {
				t.Errorf("%+v of class %v, want %v", r, r.Class(), class)
			}
		}
	})
}

func TestC20TimestampOfDeadTokens(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 2)
		p := g.peer(0)
		p.expect(2)
		p.reject(1, 410, map[string]any{"reason": "ExpiredToken", "timestamp": 1700000000123})
		p.reject(3, 400, map[string]any{"reason": "BadDeviceToken", "timestamp": 1700000000123})
		if r := g.result(0); r.Timestamp.UnixMilli() != 1700000000123 || r.Class() != ClassToken {
			t.Errorf("%+v", r)
		}
		if r := g.result(1); !r.Timestamp.IsZero() {
			t.Errorf("a timestamp without status 410: %+v", r)
		}
	})
}

func TestC23TooManyRequestsConcernsOneToken(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 3)
		p := g.peer(0)
		p.reject(p.expect(3)[1], 429, reason("TooManyRequests"), "retry-after", "30")
		p.accept(1, 5)
		if r := g.result(1); r.Class() != ClassRate || r.RetryAfter != 30*time.Second {
			t.Errorf("%+v", r)
		}
		g.submit(3, 5)
		g.serve()
		g.settled(3, 5, accepted)
	})
}

func TestC41TableSizeChanges(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		p := (*peer)(nil)
		at := 0
		round := func() {
			for range 3 {
				n := notification(at)
				n.ID[0], n.CollapseID, n.Expiration = byte(at+1), "c", DeliverOnce()
				if err := g.client.Submit(t.Context(), n, g.record); err != nil {
					t.Fatal(err)
				}
				at++
				p = g.peer(0)
			}
			p.expect(at)
		}
		round()
		for _, size := range []uint32{0, 4096, 100, 60, 1 << 20, 4096, 0} {
			p.settings(setting{settingHeaderTableSize, size})
			round()
		}
		for i, r := range p.seen().requests {
			if r.header["apns-topic"] != "com.example.app" || r.header["apns-collapse-id"] != "c" || r.header["apns-id"][:2] != fmt.Sprintf("%02x", i+1) || r.header[":path"] != "/3/device/"+token(i) {
				t.Errorf("request %d arrived as %v", i, r.header)
			}
		}
		p.accept(p.streams()...)
		g.settled(0, at, accepted)
	})
}

func TestAnswerWithoutAStatus(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 1)
		g.peer(0).raw(headersFrame(1, flagEndHeaders|flagEndStream, headerBlock("apns-id", "x")))
		g.settled(0, 1, failed(CauseProtocol, false))
	})
}

func TestAnswersOfCancelledRequestsLeaveNothingBehind(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		done := make(chan Result)
		for i := range 20 {
			ctx, cancel := contextWithTimeout(t, time.Hour)
			go func() { done <- g.client.Push(ctx, notification(i)) }()
			p := g.peer(0)
			stream := p.expect(i + 1)[i]
			early := headersFrame(stream, flagEndHeaders, headerBlock(":status", "410"))
			if i%2 == 0 {
				p.raw(early) // the body never comes
			}
			cancel()
			<-done
			if i%2 == 1 {
				p.raw(early)
				p.raw(dataFrame(stream, flagEndStream, `{"reason":"Unregistered"}`))
			}
		}
		g.submit(100, 101)
		g.serve()
		g.settled(100, 101, accepted)
	})
}

func TestResetIsNotAnsweredByReset(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 100}, {settingInitialWindowSize, 5}})
		g.submit(0, 1)
		p := g.peer(0)
		p.reset(1, 2)
		g.settled(0, 1, failed(CauseNetwork, false))
		g.sleep(time.Second)
		if resets := p.seen().resets; len(resets) != 0 {
			t.Errorf("resets %v in answer to one (RFC 9113, section 5.4.2)", resets)
		}
	})
}
