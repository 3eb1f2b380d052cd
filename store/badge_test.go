package store

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// Badges follow a model: set for one device, changed for many, also across
// runs.
func TestBadgesFollowAModel(t *testing.T) {
	s, err := openTest(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var app int64 = 1
	if err := s.write(t.Context(), func(t *tx) error {
		_, err := t.exec("INSERT INTO account (email, password_hash, dev_key, dev_secret, created_at) VALUES ('a', '', '', $1, 0)", []byte{0})
		if err != nil {
			return err
		}
		_, err = t.exec("INSERT INTO app (account_id, app_key, master_secret, name, bundle_id, created_at) VALUES (1, 'k', $1, '', '', 0)", []byte{0})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	const devices = 2*badgeRun + 77
	ids := make([]string, devices)
	model := make([]int, devices)
	draw := rand.New(rand.NewPCG(3, 4))
	for i := range devices {
		d := registry.Stored{InstallID: aurora.NewKey(), SecretHash: []byte("digest")}
		d.AppID, d.RegistrationID, d.Platform = app, aurora.NewKey(), aurora.IOS
		if _, err := s.RegisterDevice(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		ids[i] = d.RegistrationID
	}
	for range 60 {
		if draw.IntN(2) == 0 {
			n, badge := draw.IntN(devices), draw.IntN(1000)
			model[n] = badge
			if err := s.ChangeDevice(t.Context(), app, uint32(n), func(d *aurora.Device) error { d.Badge = badge; return nil }); err != nil {
				t.Fatal(err)
			}
			continue
		}
		change := aurora.Badge{Relative: draw.IntN(3) > 0, N: draw.IntN(5)}
		if change.Relative && draw.IntN(3) == 0 {
			change.N = -change.N
		}
		set := roaring.New()
		for range 1 + draw.IntN(500) {
			set.Add(uint32(draw.IntN(devices)))
		}
		m := aurora.Message{Content: aurora.Content{Alert: json.RawMessage(`"x"`), IOS: &aurora.IOSNotification{Badge: &change}}}
		err := s.write(t.Context(), func(x *tx) error {
			planned, err := applyBadges(x, app, &m, set)
			if err != nil {
				return err
			}
			if (len(planned) > 0) != change.Relative {
				t.Errorf("%+v plans %d badges", change, len(planned))
			}
			for _, p := range planned {
				if want := change.Apply(model[p.Number]); int(p.Badge) != want {
					t.Errorf("device %d is to show %d, want %d", p.Number, p.Badge, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for it := set.Iterator(); it.HasNext(); {
			n := it.Next()
			model[n] = change.Apply(model[n])
		}
	}
	for i, id := range ids {
		found, err := s.DevicesByRegistration(t.Context(), id)
		if err != nil || len(found) != 1 || found[0].Badge != model[i] {
			t.Fatalf("device %d: %+v, %v; want badge %d", i, found, err, model[i])
		}
	}
}

func FuzzBadges(f *testing.F) {
	for _, seed := range [][]byte{nil, {0}, {1, 2, 3}, {0xff}, {0x80, 0x80, 0x80, 0x80, 0x10}, make([]byte, badgeRun+1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		b, err := decodeRun(blob)
		if err != nil {
			return
		}
		if again, err := decodeRun(b.encode()); err != nil || again != b {
			t.Fatalf("%x does not come back: %v", blob, err)
		}
	})
}
