package bus

import "testing"

func TestHintsReachTheirTopicOnlyAndNeverBlock(t *testing.T) {
	var b Local
	first, stopFirst := b.Subscribe("app 1")
	other, stopOther := b.Subscribe("app 2")
	defer stopOther()
	for range depth * 3 {
		b.Publish("app 1", "moved") // nobody reads: must not block
	}
	if got := <-first; got != "moved" {
		t.Errorf("got hint %q", got)
	}
	if len(other) != 0 {
		t.Error("a hint reached another topic")
	}
	stopFirst()
	stopFirst() // harmless
	b.Publish("app 1", "late")
	for h := range first { // ends: closed
		if h != "moved" {
			t.Errorf("hint %q after the end", h)
		}
	}
	if len(b.subs) != 1 {
		t.Errorf("%d topics are kept, want 1", len(b.subs))
	}
}
