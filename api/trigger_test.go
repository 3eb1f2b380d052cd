package api

import (
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// TestTriggerTimes: what is written in China time becomes that moment.
func TestTriggerTimes(t *testing.T) {
	for body, want := range map[string]string{
		`{"single":{"time":"2030-01-31 09:30:00"}}`:             "2030-01-31T01:30:00Z",
		`{"intelligent":{"backup_time":"2030-01-31 00:00:00"}}`: "2030-01-30T16:00:00Z",
		`{"periodical":{"start":"2030-01-01 00:00:00","end":"2030-06-01 00:00:00","time":"09:30:00","time_unit":"week","frequency":1,"point":["sun"]}}`:      "2030-05-26T01:30:00Z",
		`{"periodical":{"start":"2030-01-01 00:00:00","end":"2030-06-01 00:00:00","time":"07:59:59","time_unit":"Month","frequency":2,"point":["01","31"]}}`: "2030-05-30T23:59:59Z",
		`{"periodical":{"start":"2030-01-01 00:00:00","end":"2030-01-01 23:59:59","time":"23:59:59","time_unit":"DAY","frequency":100,"point":[]}}`:          "2030-01-01T15:59:59Z",
	} {
		top, err := parseBody([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		trigger, err := decodeTrigger(top)
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if got := trigger.Last().UTC().Format(time.RFC3339); got != want {
			t.Errorf("%s: the last occurrence is %s, want %s", body, got, want)
		}
	}
}

// FuzzDecodeTrigger: a trigger is refused with a sentence or can fire.
func FuzzDecodeTrigger(f *testing.F) {
	f.Add([]byte(`{"single":{"time":"2030-01-31 09:30:00"}}`))
	f.Add([]byte(`{"intelligent":{"backup_time":"0000-01-01 00:00:00"}}`))
	f.Add([]byte(`{"periodical":{"start":"2030-01-01 00:00:00","end":"2030-06-01 00:00:00","time":"09:30:00","time_unit":"week","frequency":1,"point":["MON","WED"]}}`))
	f.Add([]byte(`{"periodical":{"start":"9999-12-31 00:00:00","end":"9999-12-31 23:59:59","time":"00:00:00","time_unit":"month","frequency":100,"point":["31"]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		top, err := parseBody(body)
		if err != nil {
			return
		}
		trigger, err := decodeTrigger(top)
		if err != nil {
			if aurora.KindOf(err) == aurora.Internal {
				t.Errorf("%s: not a refusal: %v", body, err)
			}
			return
		}
		if trigger.Kind != dispatch.Periodical {
			return
		}
		first, ok := trigger.Next(trigger.Start.Add(-1))
		if last := trigger.Last(); !ok || first.After(last) || first.Before(trigger.Start) || last.After(trigger.End) {
			t.Errorf("%s: accepted, with occurrences from %v to %v", body, first, last)
		}
	})
}
