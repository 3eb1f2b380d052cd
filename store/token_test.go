package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// A token has one owner, a dead one is forgotten unless it was reported since,
// and a device has only so many.
func TestSpecialTokens(t *testing.T) {
	s, err := openTest(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put := func(number uint32, max int, tokens ...aurora.NamedToken) bool {
		t.Helper()
		ok, err := s.PutTokens(t.Context(), 1, number, aurora.Development, tokens, max)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	want := func(number uint32, want string) {
		t.Helper()
		list, err := s.Tokens(t.Context(), 1, number)
		if got := fmt.Sprint(list); err != nil || got != want {
			t.Errorf("device %d has %s, %v; want %s", number, got, err, want)
		}
	}
	match := func(name, token string) aurora.NamedToken {
		return aurora.NamedToken{Kind: aurora.ActivityToken, Name: name, Token: token}
	}
	put(1, 64, match("m", "aa"), aurora.NamedToken{Kind: aurora.VoIPToken, Token: "bb"})
	put(1, 64, match("m", "ab"))
	want(1, "[{activity m ab} {voip  bb}]")
	put(2, 64, match("m", "ab"), match("n", "ac"))
	want(1, "[{voip  bb}]")
	numbers, err := s.ActivityDevices(t.Context(), 1, "m")
	if err != nil || !numbers.Equals(roaring.BitmapOf(2)) {
		t.Errorf("the activity runs on %v, %v", numbers, err)
	}
	if put(2, 3, match("o", "ad"), match("p", "ae")) {
		t.Error("a fourth token was taken")
	}
	want(2, "[{activity m ab} {activity n ac}]")
	put(2, 64, match("n", ""))
	want(2, "[{activity m ab}]")

	die := func(at time.Time) {
		t.Helper()
		err := s.write(t.Context(), func(t *tx) error {
			_, err := retire(t, 1, dispatch.Retirement{Number: 2, Token: "ab", Reason: "Unregistered", InactiveAt: at, Kind: aurora.ActivityToken})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	die(time.Now().Add(-time.Hour))
	want(2, "[{activity m ab}]")
	die(time.Now().Add(time.Hour))
	want(2, "[]")
}
