package client

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// frame is one server-sent event (WHATWG HTML, "Server-sent events").
type frame struct {
	id, kind, data string
	retry          time.Duration // how long to wait before connecting again; 0 if it was not said
}

// maxFrame bounds one event, in bytes. Aurora's name a thousand devices at most.
const maxFrame = 1 << 20

var errLongFrame = errors.New("an event is over a MiB long")

// frames reads events from a stream.
type frames struct {
	r *bufio.Reader
	// alive is called for every line, also for a remark; it may be nil.
	alive func()
	cr    bool // the last line ended with a CR, whose LF may follow
	begun bool
}

func newFrames(r io.Reader) *frames { return &frames{r: bufio.NewReaderSize(r, 32<<10)} }

// next returns the next event that has data. What the end of the stream cuts off
// is dropped.
func (f *frames) next() (e frame, err error) {
	var data strings.Builder
	hasData, size := false, 0
	for {
		line, err := f.line(maxFrame - size)
		if err != nil {
			return frame{}, err
		}
		if size += len(line) + 1; size >= maxFrame {
			return frame{}, errLongFrame
		}
		if f.alive != nil {
			f.alive()
		}
		if line == "" {
			if hasData {
				e.data = data.String()
				return e, nil
			}
			e.kind, size = "", 0 // no event; its id and retry count all the same
			continue
		}
		name, value, _ := strings.Cut(line, ":") // a remark has no name
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "data":
			if hasData {
				data.WriteByte('\n')
			}
			hasData = true
			data.WriteString(value)
		case "event":
			e.kind = value
		case "id":
			if !strings.Contains(value, "\x00") {
				e.id = value
			}
		case "retry":
			if n, err := strconv.ParseUint(value, 10, 31); err == nil {
				e.retry = time.Duration(n) * time.Millisecond
			}
		}
	}
}

// line returns the next line without its end: CR, LF or both.
func (f *frames) line(limit int) (string, error) {
	var b []byte
	for {
		c, err := f.r.ReadByte()
		if err != nil {
			return "", err
		}
		if f.cr {
			if f.cr = false; c == '\n' {
				continue
			}
		}
		switch {
		case c == '\r' || c == '\n':
			f.cr = c == '\r'
			text := string(b)
			if !f.begun {
				f.begun, text = true, strings.TrimPrefix(text, "\ufeff")
			}
			return text, nil
		case len(b) >= limit:
			return "", errLongFrame
		}
		b = append(b, c)
	}
}
