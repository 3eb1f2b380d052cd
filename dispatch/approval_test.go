package dispatch_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
)

func person(ctx context.Context, name string, role aurora.Role) context.Context {
	return aurora.WithActor(ctx, aurora.Actor{Kind: aurora.PersonActor, Name: name, Role: role})
}

func TestLargePushWaitsForASecondPerson(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		var ids []string
		for n := range 3 {
			ids = append(ids, a.device(n, aurora.Development).RegistrationID)
		}
		var log []string
		s := dispatch.NewApprovals(a.dispatch, a.schedules, a.db, func(ctx context.Context, e aurora.AuditEntry) {
			log = append(log, aurora.ActorOf(ctx).Name+" "+e.Action+" "+e.Detail)
		})
		mia, eve := person(a.Context(), "mia@example.com", aurora.SenderRole), person(a.Context(), "eve@example.com", aurora.SenderRole)
		refused := func(what string, err error, want aurora.Kind) {
			t.Helper()
			if err == nil || aurora.KindOf(err) != want {
				t.Errorf("%s: %v, want kind %v", what, err, want)
			}
		}
		refused("a sender sets the limit", s.SetLimit(mia, a.app, 2), aurora.Forbidden)
		if err := s.SetLimit(person(a.Context(), "o@example.com", aurora.OwnerRole), a.app, 2); err != nil {
			t.Fatal(err)
		}
		n := draft("big", dispatch.Trigger{})
		cid := a.app.Key + "-" + n.ID
		for range 2 { // a double click
			if done, err := s.Submit(mia, a.app, n, cid); err != nil || !done.Waiting {
				t.Fatalf("submitted: %+v, %v", done, err)
			}
		}
		synctest.Wait()
		a.sent(0)
		list, err := s.Pending(a.Context(), a.app.ID)
		if err != nil || len(list) != 1 || list[0].AskedBy != "mia@example.com" || list[0].Targeted != 3 || list[0].Trigger.Kind != "" || list[0].Name != "big" {
			t.Fatalf("pending: %+v, %v", list, err)
		}
		_, err = s.Approve(mia, a.app, n.ID)
		refused("the writer approves", err, aurora.Forbidden)
		_, err = s.Approve(person(a.Context(), "v@example.com", aurora.ViewerRole), a.app, n.ID)
		refused("a viewer approves", err, aurora.Forbidden)
		other := a.app
		other.ID++
		_, err = s.Approve(eve, other, n.ID)
		refused("another app's", err, aurora.NotFound)

		done, err := s.Approve(eve, a.app, n.ID)
		if err != nil || done.MessageID == 0 {
			t.Fatalf("approved: %+v, %v", done, err)
		}
		time.Sleep(time.Second)
		a.sent(3)
		_, err = s.Approve(eve, a.app, n.ID)
		refused("approved again", err, aurora.NotFound)

		small := draft("small", dispatch.Trigger{})
		small.Push.Audience = audience.Is(audience.Registration, ids[1])
		if done, err := s.Submit(mia, a.app, small, a.app.Key+"-"+small.ID); err != nil || done.Waiting || done.MessageID == 0 {
			t.Errorf("a small one: %+v, %v", done, err)
		}
		byServer := draft("server", dispatch.Trigger{})
		if done, err := s.Submit(a.Context(), a.app, byServer, a.app.Key+"-"+byServer.ID); err != nil || done.Waiting {
			t.Errorf("a server's: %+v, %v", done, err)
		}
		time.Sleep(time.Second)
		a.sent(7)
		want := []string{"o@example.com approval.limit from 0 to 2 devices", "mia@example.com approval.asked for 3 devices", "eve@example.com approval.given asked by mia@example.com"}
		if !slices.Equal(log, want) {
			t.Errorf("audit log: %q", log)
		}
	})
}

func TestScheduledPushWaitsForASecondPerson(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		a.device(0, aurora.Development)
		a.device(1, aurora.Development)
		var log []string
		s := dispatch.NewApprovals(a.dispatch, a.schedules, a.db, func(ctx context.Context, e aurora.AuditEntry) {
			log = append(log, aurora.ActorOf(ctx).Name+" "+e.Action+" "+e.Detail)
		})
		mia, eve := person(a.Context(), "mia@example.com", aurora.SenderRole), person(a.Context(), "eve@example.com", aurora.DeveloperRole)
		if err := s.SetLimit(a.Context(), a.app, 1); err != nil {
			t.Fatal(err)
		}
		asked := time.Now()
		n, late, gone := draft("later", in(time.Hour)), draft("late", in(time.Minute)), draft("gone", in(time.Hour))
		for _, one := range []dispatch.Schedule{n, late, gone} {
			if done, err := s.Submit(mia, a.app, one, a.app.Key+"-"+one.ID); err != nil || !done.Waiting {
				t.Fatalf("submitted: %+v, %v", done, err)
			}
		}
		if _, err := s.Approve(eve, a.app, n.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.Withdraw(mia, a.app, gone.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if _, err := s.Approve(eve, a.app, late.ID); aurora.KindOf(err) != aurora.Invalid {
			t.Errorf("approved after its time: %v", err)
		}
		a.sent(0)
		time.Sleep(time.Hour)
		a.sent(2)
		if list, err := s.Pending(a.Context(), a.app.ID); err != nil || len(list) != 1 || list[0].ID != late.ID {
			t.Errorf("pending: %+v, %v", list, err)
		}
		if list, err := a.db.Approvals(a.Context(), a.app.ID, asked.Add(time.Millisecond)); err != nil || len(list) != 0 {
			t.Errorf("of those made later: %+v, %v", list, err)
		}
		if i := slices.Index(log, "mia@example.com approval.withdrawn "); i < 0 {
			t.Errorf("audit log: %q", log)
		}
	})
}

// TestNoWayAroundTheSecondPerson: what nobody approved stays bound to the limit
// when it is due, once or again and again, however its audience has grown; test
// devices are few.
func TestNoWayAroundTheSecondPerson(t *testing.T) {
	inAgenda(t, func(a *agenda) {
		a.device(0, aurora.Development)
		s := dispatch.NewApprovals(a.dispatch, a.schedules, a.db, func(context.Context, aurora.AuditEntry) {})
		mia, eve := person(a.Context(), "mia@example.com", aurora.SenderRole), person(a.Context(), "eve@example.com", aurora.SenderRole)
		if err := s.SetLimit(a.Context(), a.app, 1); err != nil {
			t.Fatal(err)
		}
		daily := dispatch.Trigger{Kind: dispatch.Periodical, Unit: dispatch.Day, Frequency: 1, Start: time.Now(), End: time.Now().Add(72 * time.Hour), Clock: 3 * time.Hour}
		single, periodic := draft("single", in(time.Hour)), draft("periodic", daily)
		for _, n := range []dispatch.Schedule{single, periodic} { // everyone is one device now
			if done, err := s.Submit(mia, a.app, n, a.app.Key+"-"+n.ID); err != nil || done.Waiting {
				t.Fatalf("%s: %+v, %v", n.Name, done, err)
			}
		}
		for n := range 12 {
			a.device(1+n, aurora.Development)
		}
		approved := draft("approved", in(2*time.Hour))
		if done, err := s.Submit(mia, a.app, approved, a.app.Key+"-"+approved.ID); err != nil || !done.Waiting {
			t.Fatalf("approved: %+v, %v", done, err)
		}
		if _, err := s.Approve(eve, a.app, approved.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Hour)
		a.sent(13) // the approved one alone
		for _, n := range []dispatch.Schedule{single, periodic} {
			fired, err := a.schedules.Firings(a.Context(), a.app.ID, n.ID)
			if err != nil || len(fired) == 0 || !strings.Contains(fired[0].Problem, "approval of a second person") {
				t.Errorf("%s: %+v, %v", n.Name, fired, err)
			}
		}

		test := draft("test", dispatch.Trigger{}).Push
		list, err := a.registry.Devices(a.Context(), a.app.ID, registry.Query{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range list {
			_, err := s.Try(mia, a.app, test)
			if few := i > 0 && i <= 10; few != (err == nil) {
				t.Errorf("with %d test devices: %v", i, err)
			}
			if err := a.registry.PutTestDevice(a.Context(), a.app.ID, d.RegistrationID, "one", false); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Try(a.Context(), a.app, test); err != nil {
			t.Errorf("a server tests: %v", err)
		}
		if err := s.SetLimit(a.Context(), a.app, 13); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Try(mia, a.app, test); err != nil {
			t.Errorf("as many as need no approval: %v", err)
		}
	})
}
