package apns

import (
	"testing"
	"time"
)

// The cases of spec 9.4 about credentials.

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

func TestC27KeyOfTheOtherEnvironment(t *testing.T) {
	for _, text := range []string{"BadEnvironmentKeyInToken", "BadEnvironmentKeyIdInToken"} {
		script(t, Config{}, func(t *testing.T, g *gateway) {
			g.submit(0, 1)
			g.peer(0).reject(1, 403, reason(text))
			g.settled(0, 1, failed(CauseCredential, true))
		})
	}
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
