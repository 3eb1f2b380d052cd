//go:build unix

package store

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/registry"
)

// benchTags is how many tags the app of BenchmarkAudience has.
const benchTags = 1000

// tagShare is how many of the devices carry a tag: the first ten half to a
// twentieth of them, the others a hundredth to a ten-thousandth.
func tagShare(i int) float64 {
	if i < 10 {
		return 0.5 / float64(i+1)
	}
	return 0.01 / float64(1+i%100)
}

// benchPushes is how many earlier pushes have marks, each its own.
const benchPushes = 10

// written are expressions of ten terms each, as people write them.
func written(first aurora.MessageID) map[string]string {
	var opened []string
	for i := range benchPushes {
		opened = append(opened, fmt.Sprint("opened:", first+aurora.MessageID(i)))
	}
	return map[string]string{
		"ten pushes":       strings.Join(opened, " || "),
		"common tags":      "(t0 || t1 || t2 || t3 || t4) && !t5 && !t6 && !t7 && !t8 && !t9",
		"rare tags":        "t100 || t201 || t302 || t403 || t504 || t605 || t706 || t807 || t908 || t999",
		"nested":           "(t0 && (t1 || (t2 && !t3))) || (t4 && !(t5 || t6)) || (t7 && t8 && t9)",
		"all negated":      "!(t0 && t1) && !(t2 && t3) && !(t4 && t5) && !(t6 && t7) && !(t8 && t9)",
		"properties":       "version>=2.3 && os<18.4 && lang:zh && channel:store && env:production && platform:ios && !seen>30d && registered>2w && (t0 || t1)",
		"an earlier push":  fmt.Sprintf("received:%[1]v && !opened:%[1]v && targeted:%[1]v && sent:%[1]v && (t0 || t1 || t2 || t3 || t4) && !t5", first),
		"alias among them": "t0 && !(alias:a || alias:b || alias:c || alias:d || alias:e || alias:f || alias:g || alias:h || alias:i)",
	}
}

// BenchmarkAudience counts expressions of ten terms over ten million devices
// (AURORA_BENCH_DEVICES) with a thousand tags, beside the definition applied to
// one device after the other. AURORA_BENCH_DATA names a folder that keeps the
// index for the next run.
func BenchmarkAudience(b *testing.B) {
	devices := 10_000_000
	if n, err := strconv.Atoi(os.Getenv("AURORA_BENCH_DEVICES")); err == nil {
		devices = n
	}
	dir := cmp.Or(os.Getenv("AURORA_BENCH_DATA"), b.TempDir())
	s, err := Open(b.Context(), dir)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const app, first = 1, aurora.MessageID(77)
	began := time.Now()
	if there, err := s.Blocks(b.Context(), app); err != nil { // no such app: a new folder
		fillIndex(b, s, app, devices, first)
		b.Logf("the index was made in %.0f s", time.Since(began).Seconds())
	} else {
		b.Logf("%s has an index of %d blocks", dir, there)
	}
	r := registry.New(s, nil, nil)
	for name, text := range written(first) {
		e, err := audience.Read(text)
		if err == nil {
			e, err = r.Bind(b.Context(), app, e, time.Now())
		}
		if err != nil {
			b.Fatal(err)
		}
		count := func(b *testing.B) (n uint64) {
			n, err := r.Count(b.Context(), app, e)
			if err != nil || n == 0 {
				b.Fatal(n, err)
			}
			return n
		}
		b.Run(name+", cold", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s.LimitBitmaps(0)
				s.LimitBitmaps(DefaultBitmapCache)
				b.StartTimer()
				count(b)
			}
		})
		b.Run(name+", warm", func(b *testing.B) {
			n := count(b)
			cpu := cpuTime()
			for b.Loop() {
				count(b)
			}
			b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/1e3/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(n), "devices")
			b.ReportMetric(float64(s.bitmaps.size)/(1<<20), "cached-MiB")
		})
	}
	b.Run("by definition", func(b *testing.B) {
		e, err := audience.Read(written(first)["common tags"])
		if err != nil {
			b.Fatal(err)
		}
		rnd := rand.New(rand.NewPCG(1, 1))
		crowd := make([]audience.Subject, 100_000)
		for i := range crowd {
			for tag := range benchTags {
				if rnd.Float64() < tagShare(tag) {
					crowd[i].Tags = append(crowd[i].Tags, fmt.Sprint("t", tag))
				}
			}
		}
		for b.Loop() {
			for i := range crowd {
				e.Match(crowd[i])
			}
		}
		b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)*float64(devices)/float64(len(crowd)), "ms/all-devices")
	})
}

// cpuTime is what this process has used so far, user and system: unlike the time
// that passes, it depends little on what else the machine does.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fillIndex writes the folded index of an app as devices would have made it.
func fillIndex(b *testing.B, s *Store, app int64, devices int, first aurora.MessageID) {
	b.Helper()
	rnd := rand.New(rand.NewPCG(2, 3))
	if err := s.write(b.Context(), func(t *tx) error {
		if _, err := t.exec("INSERT INTO account (id, email, password_hash, dev_key, dev_secret, created_at) VALUES (1, 'e', '', 'd', $1, 0)", []byte{0}); err != nil {
			return err
		}
		if _, err := t.exec("INSERT INTO app (id, account_id, app_key, master_secret, name, bundle_id, next_number, created_at) VALUES ($1, 1, 'k', $2, 'App', 'b', $3, 0)", app, []byte{0}, devices); err != nil {
			return err
		}
		for i := range benchPushes {
			if _, err := t.exec("INSERT INTO message (id, app_id, sendno, source, platforms, audience, content, options, accepted_at) VALUES ($1, $2, 1, 'api', '', 'all', '{}', '{}', 0)", int64(first)+int64(i), app); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	today := time.Now().UTC()
	for block := range (devices + audience.BlockSize - 1) / audience.BlockSize {
		lo := uint32(block * audience.BlockSize)
		hi := uint32(min(devices, (block+1)*audience.BlockSize))
		err := s.write(b.Context(), func(t *tx) error {
			put := func(term string, numbers *roaring.Bitmap) error {
				_, err := t.exec("INSERT INTO index_block (app_id, block, term, bitmap) VALUES ($1, $2, $3, $4)", app, block, term, blobOf(numbers))
				return err
			}
			everyoneHere := roaring.New()
			everyoneHere.AddRange(uint64(lo), uint64(hi))
			for _, term := range []string{everyone, "platform:ios"} {
				if err := put(term, everyoneHere); err != nil {
					return err
				}
			}
			for tag := range benchTags {
				if err := put(fmt.Sprint("tag:t", tag), some(rnd, lo, hi, tagShare(tag))); err != nil {
					return err
				}
			}
			for _, split := range [][]string{
				{"env:production", "env:development"}, {"channel:store", "channel:test"}, {"lang:zh-hans-cn", "lang:zh-tw", "lang:en", "lang:fr"},
				termsOf("version:2.%d", 40), termsOf("os:18.%d", 12), days("seen:", today, 90), days("registered:", today, 400),
			} {
				parts := map[string]*roaring.Bitmap{}
				for n := lo; n < hi; n++ {
					term := split[rnd.IntN(len(split))]
					if parts[term] == nil {
						parts[term] = roaring.New()
					}
					parts[term].Add(n)
				}
				for term, numbers := range parts {
					if err := put(term, numbers); err != nil {
						return err
					}
				}
			}
			for i := range benchPushes {
				for mark, share := range map[aurora.Mark]float64{aurora.Targeted: 1, aurora.Accepted: 0.95, aurora.Received: 0.6, aurora.Opened: 0.1} {
					if err := putMark(t, first+aurora.MessageID(i), uint32(block), mark, some(rnd, lo, hi, share)); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// some picks a share of the numbers.
func some(rnd *rand.Rand, lo, hi uint32, share float64) *roaring.Bitmap {
	picked := roaring.New()
	if share >= 1 {
		picked.AddRange(uint64(lo), uint64(hi))
		return picked
	}
	for n := float64(lo); ; {
		n += rnd.ExpFloat64() / share
		if n >= float64(hi) {
			return picked
		}
		picked.Add(uint32(n))
	}
}

func termsOf(format string, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf(format, i))
	}
	return list
}

func days(prefix string, last time.Time, n int) (list []string) {
	for i := range n {
		list = append(list, prefix+audience.Date(last.AddDate(0, 0, -i)))
	}
	return list
}
