package ledger

import (
	"slices"
	"strings"

	"github.com/aurora-push/aurora"
)

// InApp is where the in-app message of a push stands: apart from its
// notification, if it has one too.
type InApp struct {
	// By platform: selected, handed to the device, acknowledged by it, opened.
	Targeted, Handed, Received, Opened map[aurora.Platform]uint64
	Waiting, Failed                    uint64        // still kept for a device; given up
	FailedBy                           []ReasonCount // most frequent first
}

// Sum adds the platforms' numbers up.
func Sum(by map[aurora.Platform]uint64) (n uint64) {
	for _, one := range by {
		n += one
	}
	return n
}

// AddInApp adds the numbers of two pushes up; nil is none.
func AddInApp(a, b *InApp) *InApp {
	sum := newInApp()
	for _, one := range []*InApp{a, b} {
		if one == nil {
			continue
		}
		for i, by := range one.sets() {
			for p, n := range by {
				sum.sets()[i][p] += n
			}
		}
		sum.Waiting += one.Waiting
		sum.Failed += one.Failed
	}
	if a == nil && b == nil {
		return nil
	}
	return sum
}

func newInApp() *InApp {
	return &InApp{Targeted: map[aurora.Platform]uint64{}, Handed: map[aurora.Platform]uint64{}, Received: map[aurora.Platform]uint64{}, Opened: map[aurora.Platform]uint64{}}
}

func (a *InApp) sets() []map[aurora.Platform]uint64 {
	return []map[aurora.Platform]uint64{a.Targeted, a.Handed, a.Received, a.Opened}
}

func inAppOf(m aurora.Message, marks map[aurora.Mark]uint64) *InApp {
	if m.Content.InApp == nil {
		return nil
	}
	a := newInApp()
	for mark, n := range marks {
		p, mark, ok := mark.InApp()
		if !ok {
			continue
		}
		if reason, ok := mark.FailedReason(); ok {
			a.Failed += n
			a.FailedBy = append(a.FailedBy, ReasonCount{reason, n})
			continue
		}
		if by := map[aurora.Mark]map[aurora.Platform]uint64{aurora.Targeted: a.Targeted, aurora.Accepted: a.Handed, aurora.Received: a.Received, aurora.Opened: a.Opened}[mark]; by != nil {
			by[p] = n
		}
	}
	for p, n := range a.Received { // what was acknowledged was handed out, even if the server ended before it wrote so
		a.Handed[p] = max(a.Handed[p], n)
	}
	sortReasons(a.FailedBy)
	if settled := Sum(a.Received) + a.Failed; Sum(a.Targeted) > settled {
		a.Waiting = Sum(a.Targeted) - settled
	}
	return a
}

func sortReasons(list []ReasonCount) {
	slices.SortFunc(list, func(a, b ReasonCount) int {
		if a.Count != b.Count {
			return int(b.Count) - int(a.Count)
		}
		return strings.Compare(a.Reason, b.Reason)
	})
}

// inApp adds what became of the in-app message.
func (t *timeline) inApp() {
	for mark, at := range t.marks {
		_, inner, ok := mark.InApp()
		if reason, failed := inner.FailedReason(); ok && failed {
			t.broken("In-app message", "", aurora.ExplainReason(reason))
			t.last().reason = reason
			t.last().say("Not delivered: %s.", reason)
			t.steps[len(t.steps)-1].At = at
			return
		}
	}
	if at, ok := t.marks[aurora.InApp(t.d.Platform, aurora.Received)]; ok {
		t.done("In-app message", at, "The app fetched the in-app message and acknowledged it.")
		return
	}
	if at, ok := t.marks[aurora.InApp(t.d.Platform, aurora.Accepted)]; ok {
		t.add(StepWaiting, "In-app message", "")
		t.last().say("Handed to the app at %s, and not acknowledged yet.", at.UTC().Format("15:04:05 MST"))
		return
	}
	t.add(StepWaiting, "In-app message", "")
	t.last().say("Waiting for the app to connect, until %s.", t.m.InAppExpiresAt().UTC().Format("2006-01-02 15:04:05 MST"))
}
