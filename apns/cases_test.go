package apns

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// The cases C01 to C44 of spec 9.4 that need a gateway with a will of its own.

func TestC01OneRequestBeforeTheLimitRises(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 1}})
		g.submit(0, 1000)
		p := g.peer(0)
		p.expect(1)
		g.sleep(5 * time.Second)
		p.expect(1)
		p.accept(1)
		p.expect(2) // the limit is still 1
		p.limit(1000)
		p.expect(1000)
		g.serve()
		g.settled(0, 1000, accepted)
		if g.dialCount() != 1 {
			t.Errorf("%d connections, want 1", g.dialCount())
		}
	})
}

func TestNothingIsSentBeforeTheFirstSettings(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce(nil)
		g.submit(0, 3)
		p := g.peer(0)
		p.expect(0)
		p.limit(2)
		p.expect(2)
		g.serve()
		g.settled(0, 3, accepted)
	})
}

func TestC02FirstTokenRejected(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 1}})
		g.submit(0, 100)
		g.peer(0).reject(1, 403, reason("InvalidProviderToken"))
		g.settled(0, 100, func(r Result) bool {
			return failed(CauseCredential, true)(r) && r.Reason == "InvalidProviderToken"
		})
		if r := g.result(0); r.Status != 403 {
			t.Errorf("the judged notification has status %d, want 403", r.Status)
		}
		g.peer(0).expect(1)
		g.sleep(30 * time.Second)
		err := g.client.Submit(t.Context(), notification(100), g.record)
		if f, ok := err.(*Failure); !ok || f.Cause != CauseCredential {
			t.Errorf("Submit with a refused credential = %v", err)
		}
		if g.dialCount() != 1 {
			t.Errorf("%d connections within 30 s, want 1", g.dialCount())
		}
		g.sleep(31 * time.Second) // one may try again after a minute
		g.submit(101, 102)
		if err := g.client.Submit(t.Context(), notification(102), g.record); err == nil {
			t.Error("a second notification was let through beside the one that tries")
		}
		g.peer(1).accept(1)
		g.settled(101, 102, accepted)
		g.submit(103, 105)
		g.serve()
		g.settled(103, 105, accepted)
	})
}

func TestC03LimitFallsBelowTheRequestsInFlight(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 500)
		p := g.peer(0)
		p.expect(500)
		p.limit(1)
		g.submit(500, 510)
		ids := p.expect(500)
		p.accept(ids[:499]...)
		p.expect(500)
		p.accept(ids[499])
		for i := range 10 {
			p.accept(p.expect(501 + i)[500+i])
		}
		g.settled(0, 510, accepted)
		if g.dialCount() != 1 {
			t.Errorf("%d connections: a limit of 1 must not be evaded by opening more", g.dialCount())
		}
	})
}

func TestC04LimitFallsToZeroAndComesBack(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 1)
		p := g.peer(0)
		p.limit(0)
		p.accept(1)
		g.submit(1, 50)
		g.sleep(45 * time.Second)
		p.expect(1)
		g.unsettled(1, 50)
		p.limit(100)
		p.expect(50)
		g.serve()
		g.settled(0, 50, accepted)
	})
}

func TestLimitOfZeroForeverIsGivenUp(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 1)
		g.peer(0).limit(0)
		g.peer(0).accept(1)
		g.submit(1, 3)
		g.sleep(70 * time.Second)
		g.peer(1)
		g.serve()
		g.settled(0, 3, accepted)
	})
}

func TestC05RefusedStreamsAreResentOnce(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 10)
		p := g.peer(0)
		ids := p.expect(10)
		for _, id := range ids[5:] {
			p.reset(id, codeRefusedStream)
			p.reset(id, 5) // STREAM_CLOSED, because the DATA came after the refusal
		}
		p.accept(ids[:5]...)
		g.sleep(5 * time.Second)
		p.accept(p.expect(15)[10:]...)
		g.settled(0, 10, accepted)
	})
}

func TestStreamsRefusedForeverMakeNoStorm(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 1)
		p := g.peer(0)
		start := time.Now()
		for i := range 20 {
			ids := p.streams()
			for len(ids) == i {
				g.sleep(10 * time.Millisecond)
				ids = p.streams()
			}
			p.reset(ids[i], codeRefusedStream)
		}
		if took := time.Since(start); took < 10*time.Second {
			t.Errorf("20 refusals were provoked in %v", took)
		}
	})
}

func TestC06GoAwayInTheMiddle(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 100)
		p := g.peer(0)
		ids := p.expect(100)
		p.goAway(ids[49], codeNoError, `{"reason":"Shutdown"}`)
		g.submit(100, 110) // nothing new on the old connection
		p.accept(ids[:50]...)
		g.sleep(5 * time.Second)
		p.expect(100)
		next := g.peer(1)
		next.expect(60)
		for i, r := range next.seen().requests[:50] {
			if want := "/3/device/" + token(50+i); r.header[":path"] != want {
				t.Fatalf("request %d on the new connection is %s, want %s: resends go first, in order", i, r.header[":path"], want)
			}
		}
		g.serve()
		g.settled(0, 110, accepted)
		if p.seen().failure == nil {
			t.Error("the old connection was not closed after its last answer")
		}
	})
}

func TestC07GoAwayInTwoSteps(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 20)
		p := g.peer(0)
		ids := p.expect(20)
		p.goAway(lastStreamID, codeNoError, `{"reason":"Shutdown"}`)
		g.submit(20, 25)
		p.goAway(ids[9], codeNoError, "")
		p.accept(ids[:10]...)
		g.sleep(5 * time.Second)
		p.expect(20)
		g.serve()
		g.settled(0, 25, accepted)
	})
}

func TestC08WrongEnvironmentEndsTheCredential(t *testing.T) {
	for _, reasonText := range []string{"BadCertificateEnvironment", "BadCertificate"} {
		script(t, Config{Certificate: testCertificate(t)}, func(t *testing.T, g *gateway) {
			g.submit(0, 20)
			p := g.peer(0)
			p.goAway(0, codeNoError, fmt.Sprintf(`{"reason":%q}`, reasonText))
			p.goAway(0, codeNoError, "") // sometimes a second one follows, without a reason
			g.settled(0, 20, func(r Result) bool { return failed(CauseCredential, true)(r) && r.Reason == reasonText })
			g.sleep(10 * time.Minute)
			if g.dialCount() != 1 {
				t.Errorf("%d connections, want 1: no reconnecting with a refused certificate", g.dialCount())
			}
			if err := g.client.SetCertificate(testCertificate(t)); err != nil {
				t.Fatal(err)
			}
			g.submit(20, 25)
			g.serve()
			g.settled(20, 25, accepted)
		})
	}
}

func TestC09GoAwayWithPlainText(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 10)
		p := g.peer(0)
		ids := p.expect(10)
		p.goAway(ids[3], codeRefusedStream, "active streams exceeded")
		p.accept(ids[:4]...)
		g.sleep(5 * time.Second)
		g.serve()
		g.settled(0, 10, accepted)
	})
}

func TestC10GoAwayLeavesTheQueueAlone(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 2}})
		g.submit(0, 50)
		p := g.peer(0)
		ids := p.expect(2)
		p.goAway(ids[1], codeNoError, "")
		p.accept(ids...)
		g.sleep(5 * time.Second)
		g.serve()
		g.settled(0, 50, accepted)
	})
}

func TestGoAwayBeforeAnyAnswerBacksOff(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 1)
		for i := range 6 {
			g.peer(i).goAway(0, codeNoError, "")
			for g.dialCount() == i+1 {
				g.sleep(time.Second)
			}
		}
		if took := g.dials[6].Sub(g.dials[0]); took < 40*time.Second {
			t.Errorf("7 connections within %v", took)
		}
		g.serve()
		g.settled(0, 1, accepted)
	})
}

func TestC11LostConnectionLeavesTheOutcomeUnknown(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 10)
		p := g.peer(0)
		ids := p.expect(10)
		p.accept(ids[:4]...)
		p.hangUp()
		g.settled(0, 4, accepted)
		g.settled(4, 10, failed(CauseNetwork, false))
	})
	script(t, Config{ResendUnanswered: true}, func(t *testing.T, g *gateway) {
		g.submit(0, 10)
		g.peer(0).expect(10)
		g.peer(0).hangUp()
		g.sleep(5 * time.Second)
		g.peer(1).expect(10)
		g.peer(1).hangUp()
		g.settled(0, 10, failed(CauseNetwork, false)) // once again, not for ever
	})
}

func TestC12BlackHole(t *testing.T) {
	t.Run("answers nothing", func(t *testing.T) {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.submit(0, 5)
			p := g.peer(0)
			p.goDeaf()
			g.sleep(17 * time.Second)
			if p.seen().pings == 0 {
				t.Error("no PING was sent")
			}
			g.settled(0, 5, failed(CauseNetwork, false))
			g.submit(5, 6)
			g.sleep(2 * time.Second)
			g.peer(1)
			g.serve()
			g.settled(5, 6, accepted)
		})
	})
	t.Run("reads nothing", func(t *testing.T) {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.submit(0, 1)
			p := g.peer(0)
			close(p.halt) // stops after the next frame
			g.submit(1, 5)
			g.sleep(14 * time.Second)
			g.serve()
			g.settled(0, 1, failed(CauseNetwork, false))
			g.settled(1, 5, func(r Result) bool { return r.Accepted() || failed(CauseNetwork, false)(r) })
			g.submit(5, 6)
			g.serve()
			g.settled(5, 6, accepted)
		})
	})
	t.Run("idle connections are asked once an hour", func(t *testing.T) {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.submit(0, 1)
			p := g.peer(0)
			p.accept(1)
			g.sleep(59 * time.Minute)
			if p.seen().pings != 0 {
				t.Errorf("%d PINGs within an hour of rest", p.seen().pings)
			}
			g.sleep(3*time.Hour + 5*time.Minute)
			synctest.Wait()
			if p.seen().pings < 3 || p.seen().pings > 4 {
				t.Errorf("%d PINGs in four hours, want one an hour", p.seen().pings)
			}
		})
	})
}

func TestC13SlowAnswers(t *testing.T) {
	script(t, Config{ResponseTimeout: 20 * time.Second}, func(t *testing.T, g *gateway) {
		g.submit(0, 10)
		p := g.peer(0)
		ids := p.expect(10)
		g.sleep(5 * time.Second)
		p.accept(ids[:9]...)
		g.settled(0, 9, accepted)
		g.sleep(17 * time.Second)
		g.settled(9, 10, failed(CauseNetwork, false))
		if p.seen().resets[ids[9]] != codeCancel {
			t.Error("the overdue stream was not reset")
		}
		p.accept(ids[9]) // too late; must not be taken for another answer
		g.submit(10, 12)
		p.accept(p.expect(12)[10:]...)
		g.settled(10, 12, accepted)
		g.settled(9, 10, failed(CauseNetwork, false))
	})
}

func TestC13DeadlineOfTheCaller(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 1}})
		ctx, cancel := contextWithTimeout(t, 3*time.Second)
		defer cancel()
		for i := range 3 {
			if err := g.client.Submit(ctx, notification(i), g.record); err != nil {
				t.Fatal(err)
			}
		}
		p := g.peer(0)
		p.expect(1)
		g.sleep(6 * time.Second)
		g.settled(0, 1, failed(CauseNetwork, false)) // written: outcome unknown
		g.settled(1, 3, failed(CauseCancelled, true))
	})
}

func TestC14Cancelled(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 2}})
		results := make(chan Result, 3)
		cancels := make([]func(), 3)
		for i := range 3 {
			ctx, cancel := contextWithTimeout(t, time.Hour)
			cancels[i] = cancel
			go func() { results <- g.client.Push(ctx, notification(i)) }()
			synctest.Wait()
		}
		p := g.peer(0)
		ids := p.expect(2)
		cancels[2]() // still queued
		if r := <-results; !failed(CauseCancelled, true)(r) {
			t.Errorf("cancelled in the queue: %+v", r)
		}
		cancels[0]() // written
		if r := <-results; !failed(CauseCancelled, false)(r) {
			t.Errorf("cancelled in flight: %+v", r)
		}
		synctest.Wait()
		if p.seen().resets[ids[0]] != codeCancel {
			t.Errorf("resets %v, want CANCEL for stream %d", p.seen().resets, ids[0])
		}
		g.submit(10, 11) // the slot is free again
		ids = p.expect(3)
		p.accept(ids[0]) // late: ignored
		p.accept(ids[1], ids[2])
		if r := <-results; !r.Accepted() {
			t.Errorf("the other: %+v", r)
		}
		g.settled(10, 11, accepted)
		cancels[1]()
	})
}

func TestC15ConnectionCreditIsNeverExceeded(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		for i := range 100 {
			n := notification(i)
			n.Payload = make([]byte, 4096)
			if err := g.client.Submit(t.Context(), n, g.record); err != nil {
				t.Fatal(err)
			}
		}
		p := g.peer(0)
		p.expect(15) // 65,535 bytes
		allowed := defaultWindow
		for len(p.streams()) < 100 {
			p.credit(0, 1000)
			allowed += 1000
			ids := p.streams()
			if p.seen().bytes > allowed {
				t.Fatalf("%d bytes were sent on a credit of %d", p.seen().bytes, allowed)
			}
			p.accept(ids[len(ids)-1])
		}
		p.accept(p.streams()...)
		g.settled(0, 100, accepted)
	})
}

func TestC15SmallStreamCredit(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 100}, {settingInitialWindowSize, 100}})
		n := notification(0)
		n.Payload = make([]byte, 250)
		for i := range n.Payload {
			n.Payload[i] = byte(i)
		}
		if err := g.client.Submit(t.Context(), n, g.record); err != nil {
			t.Fatal(err)
		}
		p := g.peer(0)
		p.expect(0)
		if got := len(p.seen().requests[0].body); got != 100 {
			t.Fatalf("%d bytes on a credit of 100", got)
		}
		p.credit(1, 50)
		if got := len(p.seen().requests[0].body); got != 150 {
			t.Fatalf("%d bytes on a credit of 150", got)
		}
		p.settings(setting{settingInitialWindowSize, 1000}) // adds 900 to open streams
		p.expect(1)
		if string(p.seen().requests[0].body) != string(n.Payload) {
			t.Error("the body was not put together as it was")
		}
		p.settings(setting{settingInitialWindowSize, 0})
		g.submit(1, 3)
		p.expect(1)
		p.reject(3, 400, reason("BadDeviceToken")) // before its body has been sent
		p.credit(5, 1000)
		p.expect(2)
		p.accept(1, 5)
		g.settled(0, 1, accepted)
		g.settled(2, 3, accepted)
		if r := g.result(1); r.Reason != "BadDeviceToken" || p.seen().resets[3] != codeCancel {
			t.Errorf("early answer: %+v, resets %v", r, p.seen().resets)
		}
	})
}

func TestC16CreditWithheld(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		for i := range 30 {
			n := notification(i)
			n.Payload = make([]byte, 4096)
			if err := g.client.Submit(t.Context(), n, g.record); err != nil {
				t.Fatal(err)
			}
		}
		p := g.peer(0)
		p.accept(p.expect(15)...)
		g.sleep(20 * time.Second)
		g.peer(1).expect(15)
		g.serve()
		g.settled(0, 30, accepted)
		if p.seen().failure == nil {
			t.Error("the stalled connection was not closed")
		}
	})
}

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

func TestC21WaveOfBadTokensClosesTheConnection(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 100)
		p := g.peer(0)
		ids := p.expect(100)
		for i := range 20 {
			p.reject(ids[i], 400, reason("BadDeviceToken"))
		}
		p.goAway(ids[59], codeEnhanceYourCalm, `{"reason":"BadDeviceToken"}`)
		p.accept(ids[20:60]...)
		if g.dialCount() != 1 {
			t.Error("reconnected at once")
		}
		g.sleep(3 * time.Second)
		g.serve()
		g.settled(0, 20, func(r Result) bool { return r.Status == 400 && r.Err == nil })
		g.settled(20, 100, accepted)
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

func TestC24TooManyTokenUpdates(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.sleep(29 * time.Minute)
		g.submit(0, 1)
		p := g.peer(0)
		p.accept(1)
		old := p.seen().requests[0].header["authorization"]
		g.sleep(2 * time.Minute)
		g.submit(1, 2)
		p.expect(2)
		if p.seen().requests[1].header["authorization"] == old {
			t.Fatal("the token did not rotate")
		}
		p.reject(3, 429, reason("TooManyProviderTokenUpdates"))
		for range 4 {
			g.submit(10, 11)
			g.forget(10)
			g.sleep(4 * time.Minute)
		}
		for _, r := range p.seen().requests[2:] {
			if r.header["authorization"] != old {
				t.Errorf("a request within 20 minutes carries another token than the one that the gateway knows")
			}
		}
	})
}

func TestC25ExpiredToken(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 50)
		p := g.peer(0)
		ids := p.expect(50)
		old := p.seen().requests[0].header["authorization"]
		date := time.Now().Add(2 * time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
		for _, id := range ids {
			p.reject(id, 403, reason("ExpiredProviderToken"), "date", date)
		}
		g.sleep(3 * time.Second)
		g.peer(1).expect(50)
		fresh := g.peer(1).seen().requests[0].header["authorization"]
		if fresh == old {
			t.Error("the refused token was used again")
		}
		if iat := readToken(t, g.key, fresh[len("bearer "):]); iat < time.Now().Add(119*time.Minute).Unix() {
			t.Errorf("iat %d does not follow the gateway's clock", iat)
		}
		for _, r := range g.peer(1).seen().requests {
			if r.header["authorization"] != fresh {
				t.Error("more than one token was made")
			}
		}
		g.serve()
		g.settled(0, 50, accepted)
		if g.dialCount() != 2 {
			t.Errorf("%d connections, want 2", g.dialCount())
		}
	})
	t.Run("for ever", func(t *testing.T) {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.submit(0, 5)
			for i := range 2 {
				g.sleep(3 * time.Second)
				for _, id := range g.peer(i).expect(5) {
					g.peer(i).reject(id, 403, reason("ExpiredProviderToken"))
				}
			}
			g.settled(0, 5, failed(CauseCredential, true))
			g.sleep(time.Minute)
			if g.dialCount() != 2 {
				t.Errorf("%d connections, want 2", g.dialCount())
			}
		})
	})
}

func TestC26AndC30AnotherConnectionIsWanted(t *testing.T) {
	for _, answer := range []struct {
		status int
		reason string
	}{{403, "UnrelatedKeyIdInToken"}, {503, "Shutdown"}, {400, "IdleTimeout"}} {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.submit(0, 10)
			p := g.peer(0)
			for _, id := range p.expect(10) {
				p.reject(id, answer.status, reason(answer.reason))
			}
			p.goAway(19, codeNoError, `{"reason":"Shutdown"}`)
			g.sleep(3 * time.Second)
			g.serve()
			g.settled(0, 10, accepted)
		})
		script(t, Config{}, func(t *testing.T, g *gateway) { // for ever: it ends
			g.submit(0, 1)
			for i := range 3 {
				g.sleep(5 * time.Second)
				g.peer(i).reject(1, answer.status, reason(answer.reason))
			}
			if r := g.result(0); r.Status != answer.status || r.Reason != answer.reason {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestC27KeyOfTheOtherEnvironment(t *testing.T) {
	for _, text := range []string{"BadEnvironmentKeyInToken", "BadEnvironmentKeyIdInToken"} {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.submit(0, 1)
			g.peer(0).reject(1, 403, reason(text))
			g.settled(0, 1, failed(CauseCredential, true))
		})
	}
}

func TestC28InternalErrorsReplaceTheConnection(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 20)
		p := g.peer(0)
		ids := p.expect(20)
		for _, id := range ids[:10] {
			p.reject(id, 500, reason("InternalServerError"))
		}
		g.submit(20, 30)
		p.accept(ids[10:]...)
		g.sleep(3 * time.Second)
		g.peer(1).expect(10)
		g.serve()
		g.settled(0, 10, func(r Result) bool { return r.Class() == ClassServer && r.Err == nil })
		g.settled(10, 30, accepted)
	})
}

func TestC29UnavailableIsForTheCaller(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 50)
		p := g.peer(0)
		for _, id := range p.expect(50) {
			p.reject(id, 503, reason("ServiceUnavailable"))
		}
		g.settled(0, 50, func(r Result) bool { return r.Status == 503 && r.Class() == ClassServer })
		p.expect(50)
		g.submit(50, 60)
		g.serve()
		g.settled(50, 60, accepted)
	})
}

func TestC31BackOffOfAttempts(t *testing.T) {
	script(t, Config{GiveUpAfter: 10 * time.Minute}, func(t *testing.T, g *gateway) {
		g.refuse = errors.New("connection refused")
		g.submit(0, 5)
		g.sleep(8 * time.Minute)
		g.unsettled(0, 5)
		for i := 1; i < len(g.dials); i++ {
			gap := g.dials[i].Sub(g.dials[i-1])
			most := min(time.Minute, time.Second<<(i-1)*5/4) + time.Second
			if gap < time.Second || gap < most/3 && gap < 40*time.Second || gap > most {
				t.Errorf("attempt %d came after %v, want at most %v", i, gap, most)
			}
		}
		if len(g.dials) < 10 || len(g.dials) > 20 {
			t.Errorf("%d attempts in 8 minutes", len(g.dials))
		}
		g.mu.Lock()
		g.refuse = nil
		g.mu.Unlock()
		for range 62 {
			g.sleep(time.Second)
			g.serve()
		}
		g.settled(0, 5, accepted)
	})
	t.Run("gives up", func(t *testing.T) {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.refuse = errors.New("no such host")
			g.submit(0, 5)
			g.sleep(2 * time.Minute)
			g.settled(0, 5, failed(CauseNetwork, true))
		})
	})
	t.Run("no settings in time", func(t *testing.T) {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.announce(nil)
			g.submit(0, 1)
			g.sleep(15500 * time.Millisecond)
			g.announce([]setting{{settingMaxStreams, 10}})
			g.sleep(4 * time.Second)
			if g.dialCount() != 2 {
				t.Fatalf("%d connections, want 2", g.dialCount())
			}
			g.serve()
			g.settled(0, 1, accepted)
		})
	})
}

func TestC40StreamNumbersRunOut(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 1)
		p := g.peer(0)
		p.accept(1)
		connection := g.client.live[0]
		connection.mu.Lock()
		connection.nextStream = lastStreamID - 2*maxStreams - 4
		connection.mu.Unlock()
		for i := 1; i < 10; i++ {
			g.submit(i, i+1)
			g.sleep(time.Second)
			g.serve()
		}
		g.settled(0, 10, accepted)
		if g.dialCount() != 2 {
			t.Errorf("%d connections, want 2", g.dialCount())
		}
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

func TestC43ShutdownDrainsOrReturnsTheRest(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 50)
		p := g.peer(0)
		done := make(chan error, 1)
		go func() { done <- g.client.Shutdown(t.Context()) }()
		synctest.Wait()
		if err := g.client.Submit(t.Context(), notification(50), g.record); !errors.Is(err, ErrClosed) {
			t.Errorf("Submit during Shutdown = %v, want ErrClosed", err)
		}
		g.serve()
		if err := <-done; err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		g.settled(0, 50, accepted)
		if p.seen().failure == nil {
			t.Error("the connection is still open")
		}
	})
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 10}})
		g.submit(0, 50)
		g.peer(0).expect(10)
		ctx, cancel := contextWithTimeout(t, 5*time.Second)
		defer cancel()
		if err := g.client.Shutdown(ctx); err == nil {
			t.Error("Shutdown reported success with 50 left")
		}
		g.settled(0, 10, failed(CauseClosed, false))
		g.settled(10, 50, failed(CauseClosed, true))
	})
}

func TestKeyIsReplacedWithoutLoss(t *testing.T) {
	script(t, Config{}, func(t *testing.T, g *gateway) {
		g.submit(0, 10)
		p := g.peer(0)
		ids := p.expect(10)
		fresh := newKey(t)
		if err := g.client.SetKey(fresh); err != nil {
			t.Fatal(err)
		}
		g.submit(10, 20)
		p.accept(ids...)
		g.sleep(time.Second)
		next := g.peer(1)
		next.expect(10)
		readToken(t, fresh, next.seen().requests[0].header["authorization"][len("bearer "):])
		g.serve()
		g.settled(0, 20, accepted)
	})
}

func TestPoolGrowsWhereTheRoundTripIsTheLimit(t *testing.T) {
	script(t, Config{MaxConnections: 3, QueueSize: 100_000}, func(t *testing.T, g *gateway) {
		g.announce([]setting{{settingMaxStreams, 10}})
		g.submit(0, 3000)
		for range 60 {
			g.sleep(50 * time.Millisecond)
			for _, p := range g.peers {
				if fresh, _ := p.unserved(); len(fresh) > 0 {
					p.accept(fresh...)
				}
			}
		}
		if g.dialCount() != 3 {
			t.Errorf("%d connections, want the most allowed, 3", g.dialCount())
		}
		for i := 1; i < len(g.dials); i++ {
			if gap := g.dials[i].Sub(g.dials[i-1]); gap < 100*time.Millisecond {
				t.Errorf("connections opened %v apart", gap)
			}
		}
	})
}
