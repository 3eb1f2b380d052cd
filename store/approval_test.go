package store

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
)

func TestApprovalsAreKept(t *testing.T) {
	s, err := openTest(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, now := t.Context(), time.Now().Truncate(time.Millisecond)
	for _, limit := range []uint64{0, 5000, 1 << 32} {
		if limit > 0 {
			if err := s.PutApprovalLimit(ctx, 7, limit); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.ApprovalLimit(ctx, 7); err != nil || got != limit {
			t.Errorf("limit %d, %v; want %d", got, err, limit)
		}
	}
	a := dispatch.Approval{AskedBy: "mia@example.com", Targeted: 1 << 33, Schedule: dispatch.Schedule{
		ID: "7f2c0000-1111-2222-3333-444455556666", AppID: 7, Name: "Big", CreatedAt: now,
		Trigger:     dispatch.Trigger{Kind: dispatch.Single, At: now.Add(time.Hour)},
		TriggerBody: json.RawMessage(`{"single":{"time":"2026-12-01 10:00:00"}}`), PushBody: json.RawMessage(`{"audience":"all"}`),
		Push: dispatch.Request{Audience: audience.Is(audience.Tag, "vip"), Message: aurora.Message{Source: "console", Content: aurora.Content{Alert: json.RawMessage(`"<Hello>"`)}, Options: aurora.Options{Production: true, Pace: 5}}},
	}}
	other := a
	other.AppID = 8
	for i, one := range []dispatch.Approval{a, a, other} { // the same one twice is one
		fresh, err := s.PutApproval(ctx, one, now.Add(-time.Hour), 1+1)
		if err != nil {
			t.Fatal(err)
		}
		if fresh != (i != 1) {
			t.Errorf("number %d is fresh: %v", i, fresh)
		}
	}
	list, err := s.Approvals(ctx, 7, now.Add(-time.Hour))
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	got := list[0]
	if got.Damaged != nil || got.AskedBy != a.AskedBy || got.Targeted != a.Targeted || !got.CreatedAt.Equal(now) || !got.Enabled || !got.Trigger.At.Equal(a.Trigger.At) ||
		got.Push.Audience.String() != "tag:vip" || string(got.Push.Message.Content.Alert) != `"<Hello>"` || got.Push.Message.Options.Pace != 5 || string(got.PushBody) != string(a.PushBody) {
		t.Errorf("%+v", got)
	}
	second := a
	second.ID = "7f2c0000-1111-2222-3333-444455557777"
	if _, err := s.PutApproval(ctx, second, now.Add(-time.Hour), 1); aurora.KindOf(err) != aurora.Full {
		t.Errorf("one too many: %v", err)
	}
	if _, err := s.PutApproval(ctx, second, now.Add(time.Hour), 1); err != nil { // the old one is forgotten to make room
		t.Error(err)
	}
	if err := s.DropApproval(ctx, 7, a.ID); aurora.KindOf(err) != aurora.NotFound {
		t.Errorf("the forgotten one: %v", err)
	}
	if err := s.DropApproval(ctx, 8, second.ID); aurora.KindOf(err) != aurora.NotFound {
		t.Errorf("another app's: %v", err)
	}
	if err := s.DropApproval(ctx, 7, second.ID); err != nil {
		t.Error(err)
	}
}
