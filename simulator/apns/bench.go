package apns

import (
	"sync/atomic"
	"time"
)

// benchCounters are what bench mode counts.
type benchCounters struct {
	requests atomic.Uint64 // complete requests, each answered
	bytes    atomic.Uint64 // of bodies, without padding
	tally    *tally        // nil = not wanted
}

const benchWindow = 1 << 30 // connection credit in bytes, so that clients are not held up

// serveBench answers 200 to every complete request. It reads frame headers
// only; header blocks are not even decoded, which is safe because nothing here
// depends on them.
func (c *connection) serveBench() error {
	c.out = appendSettings(nil,
		setting{settingHeaderTableSize, 4096},
		setting{settingMaxStreams, c.server.policy.Load().Streams},
		setting{settingInitialWindowSize, defaultWindow},
		setting{settingMaxFrameSize, maxFrameSize},
		setting{settingMaxHeaderListSize, maxHeaderList})
	window := c.server.config.BenchWindow
	if window == 0 {
		window = benchWindow
	}
	if window > defaultWindow {
		c.out = appendWindowUpdate(c.out, 0, window-defaultWindow)
	}
	if err := c.writeBench(); err != nil {
		return err
	}
	b := benchReader{c: c, lend: window / 4}
	if window == defaultWindow {
		b.lend = 0
	}
	buffer := make([]byte, 0, 4*maxFrameSize)
	greeted := false
	for {
		n, err := c.conn.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if err != nil {
			return endOfReading(err)
		}
		data := buffer
		if !greeted {
			if data, greeted = cutPreface(buffer); !greeted {
				if len(buffer) >= len(clientPreface) {
					return connectionError{codeProtocol, "the HTTP/2 preface is missing"}
				}
				continue
			}
		}
		rest, err := b.take(data)
		buffer = buffer[:copy(buffer[:cap(buffer)], rest)]
		if err == nil && (!c.records.more() || len(c.out) > 32<<10) {
			err = c.writeBench()
		}
		if err != nil {
			return err
		}
	}
}

func (c *connection) writeBench() error {
	if len(c.out) == 0 {
		return nil
	}
	c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	return err
}

type benchReader struct {
	c     *connection
	open  openPaths
	owed  int  // bytes read and not yet returned as credit
	lend  int  // how many may be owed before they are
	sized bool // a table size update must precede the next answer
	ends  bool // the open header block ends its stream
}

// take answers every complete request in data and returns what is left over.
func (b *benchReader) take(data []byte) ([]byte, error) {
	var requests, bytes uint64
	counters := &b.c.server.bench
	defer func() { // before the answers can be written, so that who has them all finds them counted
		if requests > 0 {
			counters.requests.Add(requests)
			counters.bytes.Add(bytes)
		}
		if counters.tally != nil {
			counters.tally.add(b.open.done)
			b.open.done = b.open.done[:0]
		}
	}()
	for {
		f, rest, ok, err := readFrame(data)
		if err != nil {
			return rest, err
		}
		if !ok {
			break
		}
		data = rest
		ended := false
		switch f.kind {
		case frameData:
			b.owed += len(f.payload)
			bytes += uint64(len(f.payload))
			if b.c.server.config.Bodies != nil {
				b.c.server.config.Bodies(f.payload)
			}
			if f.flags&flagPadded != 0 && len(f.payload) > 0 {
				bytes -= min(uint64(f.payload[0])+1, uint64(len(f.payload)))
			}
			ended = f.flags&flagEndStream != 0
		case frameHeaders:
			b.ends = f.flags&flagEndStream != 0
			if counters.tally != nil {
				b.open.begin(counters.tally, f)
			}
			ended = b.ends && f.flags&flagEndHeaders != 0
		case frameContinuation:
			ended = b.ends && f.flags&flagEndHeaders != 0
		case frameSettings:
			if f.flags&flagAck == 0 {
				b.c.out = appendSettingsAck(b.c.out)
				b.sized = true
			}
		case framePing:
			if f.flags&flagAck == 0 && len(f.payload) == 8 {
				b.c.out = appendPingAck(b.c.out, f.payload)
			}
		}
		if ended {
			requests++
			if counters.tally != nil {
				b.open.end(f.stream)
			}
			b.answer(f.stream)
		}
	}
	if b.owed > b.lend {
		b.c.out = appendWindowUpdate(b.c.out, 0, b.owed)
		b.owed = 0
	}
	return data, nil
}

// openPaths remembers the path of each open stream until the request is
// complete. Usually that is the very next frame, so the latest has its own place.
type openPaths struct {
	stream uint32
	hash   uint64
	others map[uint32]uint64
	done   []uint64
}

func (o *openPaths) begin(t *tally, f frame) {
	block, err := f.unpad()
	if err != nil || f.flags&flagEndHeaders == 0 {
		block = nil // in pieces: not identified
	}
	if _, known := o.others[f.stream]; known || o.stream == f.stream {
		return // trailers
	}
	if o.stream != 0 && len(o.others) < 100000 { // more has only a peer that opens and never ends
		if o.others == nil {
			o.others = map[uint32]uint64{}
		}
		o.others[o.stream] = o.hash
	}
	o.stream, o.hash = f.stream, t.hash(block)
}

func (o *openPaths) end(stream uint32) {
	if stream == o.stream {
		o.done = append(o.done, o.hash)
		o.stream = 0
		return
	}
	o.done = append(o.done, o.others[stream]) // unknown: not identified
	delete(o.others, stream)
}

func (b *benchReader) answer(stream uint32) {
	const status200 = 0x88 // static table entry 8
	if b.sized {
		// Our encoder uses no table, whatever size the peer allows; saying so
		// once is what RFC 7541 §4.2 asks for when the peer allowed less.
		b.sized = false
		b.c.out = append(appendFrameHeader(b.c.out, 2, frameHeaders, flagEndStream|flagEndHeaders, stream), 0x20, status200)
		return
	}
	b.c.out = append(b.c.out, 0, 0, 1, byte(frameHeaders), flagEndStream|flagEndHeaders,
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream), status200)
}
