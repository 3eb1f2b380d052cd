package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
)

// A token has one owner, a dead one is forgotten unless it was reported since,
// and a device has only so many.
func TestSpecialTokens(t *testing.T) {
	s, err := openTest(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.write(t.Context(), func(t *tx) error {
		_, err := t.exec("INSERT INTO account (email, password_hash, dev_key, dev_secret, created_at) VALUES ('a', '', '', $1, 0)", []byte{0})
		if err == nil {
			_, err = t.exec("INSERT INTO app (account_id, app_key, master_secret, name, bundle_id, created_at) VALUES (1, 'k', $1, '', '', 0)", []byte{0})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		d := registry.Stored{InstallID: fmt.Sprint(n), SecretHash: []byte("digest")}
		d.AppID, d.RegistrationID, d.Platform = 1, fmt.Sprint(n), aurora.IOS
		if _, err := s.RegisterDevice(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	put := func(number uint32, max int, tokens ...aurora.NamedToken) bool {
		t.Helper()
		ok, err := s.ChangeDeviceTokens(t.Context(), 1, number, aurora.Development, tokens, max, func(*aurora.Device) error { return nil })
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
	wrong := func(*aurora.Device) error { return errors.New("a rule of the service") }
	if _, err := s.ChangeDeviceTokens(t.Context(), 1, 2, aurora.Development, []aurora.NamedToken{match("o", "ad")}, 64, wrong); err == nil {
		t.Error("a change that was refused is no error")
	}
	want(2, "[{activity m ab} {activity n ac}]")
	put(2, 64, match("n", ""))
	want(2, "[{activity m ab}]")

	die := func(at time.Time) {
		t.Helper()
		err := s.write(t.Context(), func(t *tx) error {
			_, err := retire(t, dispatch.Job{AppID: 1}, dispatch.Retirement{Number: 2, Token: "ab", Reason: "Unregistered", InactiveAt: at, Kind: aurora.ActivityToken})
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
