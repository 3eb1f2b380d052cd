package client

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func framesOf(r io.Reader) (list []frame, err error) {
	f := newFrames(r)
	for {
		e, err := f.next()
		if err != nil {
			return list, err
		}
		list = append(list, e)
	}
}

func TestFrames(t *testing.T) {
	for text, want := range map[string][]frame{
		"data: a\n\n":                     {{data: "a"}},
		"data:a\n\n":                      {{data: "a"}},
		"data:  a\r\n\r\n":                {{data: " a"}},
		"data: a\rdata: b\r\rdata: c\n\n": {{data: "a\nb"}, {data: "c"}},
		"\ufeffid: 1\nevent: x\ndata: a\n\ndata: b\n\n":   {{id: "1", kind: "x", data: "a"}, {data: "b"}},
		": remark\n\ndata\n\n":                            {{data: ""}},
		"retry: 2000\n\nid: 7\n\nevent: y\n\ndata: a\n\n": {{id: "7", retry: 2 * time.Second, data: "a"}},
		"id: a\x00b\nretry: soon\nother: x\ndata: a\n\n":  {{data: "a"}},
		"data: cut off\n":                                 nil,
		"":                                                nil,
	} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.HalfReader(strings.NewReader(text))} {
			got, err := framesOf(r)
			if !errors.Is(err, io.EOF) || len(got) != len(want) {
				t.Errorf("%q: %+v, %v", text, got, err)
				continue
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%q: %+v, want %+v", text, got[i], want[i])
				}
			}
		}
	}
}

func TestLongFrames(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for name, text := range map[string]string{
		"a line":     "data: " + strings.Repeat(long, 2000),
		"many lines": strings.Repeat("data: "+long+"\n", 2000),
		"remarks":    strings.Repeat(": "+long+"\n", 2000),
	} {
		if _, err := framesOf(strings.NewReader(text)); !errors.Is(err, errLongFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := framesOf(strings.NewReader(strings.Repeat("data: "+long+"\n\n", 2000))); len(list) != 2000 || !errors.Is(err, io.EOF) {
		t.Errorf("many events: %d, %v", len(list), err)
	}
}

// FuzzFrames: the events do not depend on how the bytes arrive.
func FuzzFrames(f *testing.F) {
	for _, seed := range []string{"data: a\n\n", "id: 1\r\nevent: x\r\ndata: {}\r\n\r\n", "\ufeff: hi\rretry: 10\r\r", "data\n\ndata\ndata\n\n", "\n\n\n", "data: a\x00\n\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		whole, err := framesOf(strings.NewReader(text))
		single, err2 := framesOf(iotest.OneByteReader(strings.NewReader(text)))
		if len(whole) != len(single) || err.Error() != err2.Error() {
			t.Fatalf("%d events and %v, byte by byte %d and %v", len(whole), err, len(single), err2)
		}
		size := 0
		for i, e := range whole {
			if e != single[i] {
				t.Fatalf("%+v, byte by byte %+v", e, single[i])
			}
			if size += len(e.data); strings.ContainsAny(e.id+e.kind, "\r\n") || strings.Contains(e.data, "\r") {
				t.Fatalf("%+v holds a line end", e)
			}
		}
		if size > len(text) {
			t.Fatalf("%d bytes of data came from %d", size, len(text))
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Add("7", "")
	f.Add("", "60")
	f.Add(now.Add(time.Minute).Format(http.TimeFormat), "1")
	f.Add("-5", "-5")
	f.Add("99999999999999999999", "x")
	f.Fuzz(func(t *testing.T, after, reset string) {
		h := http.Header{"Retry-After": {after}, "X-Rate-Limit-Reset": {reset}}
		for _, status := range []int{429, 503} {
			if d := retryAfter(status, h, now); d < 0 || d > maxRetryAfter {
				t.Errorf("%v from %q and %q", d, after, reset)
			}
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		status       int
		after, reset string
		want         time.Duration
	}{
		{503, "7", "", 7 * time.Second},
		{503, " 7 ", "", 7 * time.Second},
		{503, now.Add(time.Minute).Format(http.TimeFormat), "", time.Minute},
		{503, now.Add(-time.Minute).Format(http.TimeFormat), "", 0},
		{503, "", "30", 0},
		{429, "", "30", 30 * time.Second},
		{429, "2", "30", 2 * time.Second},
		{503, "999999999", "", 24 * time.Hour},
		{503, "soon", "", 0},
		{503, "-1", "", 0},
	} {
		if got := retryAfter(tt.status, http.Header{"Retry-After": {tt.after}, "X-Rate-Limit-Reset": {tt.reset}}, now); got != tt.want {
			t.Errorf("%d %q %q: %v, want %v", tt.status, tt.after, tt.reset, got, tt.want)
		}
	}
}
