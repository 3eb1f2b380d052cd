package apns

import (
	"fmt"
	"testing"
	"time"
)

// The cases of spec 9.4 about connections that the gateway ends.

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
	script(t, Config{GiveUpAfter: 10 * time.Minute}, func(t *testing.T, g *gateway) {
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
