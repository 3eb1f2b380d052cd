package apns

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/net/http2/hpack"
)

// inbound is the state of the reading direction, guarded by connection.mu.
type inbound struct {
	decoder   *hpack.Decoder
	tableSize uint32 // announced last
	chosen    uint32 // the size that the peer's encoder uses
	shrunk    bool   // the next header block must begin with a table size update
	request   *request

	block       []byte // header block in pieces
	blockStream uint32 // 0 = no block is open
	blockEnds   bool   // the open block ends its stream

	lastStream uint32          // highest stream id seen and processed
	refused    map[uint32]bool // streams refused whose DATA may still come

	window      int // what the peer may still send on the connection
	owed        int // consumed and not given back
	debt        int // credit withheld on purpose
	threshold   int
	headerBytes uint64

	finished bool // everything is said; only the peer's close is awaited
}

func (in *inbound) init(c *connection, p *Policy) {
	in.tableSize, in.chosen = p.HeaderTableSize, 4096
	in.refused = map[uint32]bool{}
	in.window = max(p.ConnectionWindow, defaultWindow)
	in.debt = max(0, defaultWindow-p.ConnectionWindow)
	in.threshold = max(1, p.ConnectionWindow/4)
	in.request = &request{}
	in.decoder = hpack.NewDecoder(4096, func(f hpack.HeaderField) { in.request.take(f.Name, f.Value) })
	in.decoder.SetMaxStringLength(headerBlockLimit)
}

// readAll reads until the connection ends. nil means that it ended properly.
func (c *connection) readAll() error {
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
				if len(buffer) >= len(clientPreface) || string(buffer) != clientPreface[:len(buffer)] {
					return connectionError{codeProtocol, "the HTTP/2 preface is missing"}
				}
				continue
			}
		}
		rest, err := c.takeFrames(data)
		buffer = buffer[:copy(buffer[:cap(buffer)], rest)]
		if err != nil {
			c.flush()
			return err
		}
		if !c.records.more() {
			c.flush()
		}
		if c.isFrozen() {
			c.server.waitFrozen()
			return nil
		}
	}
}

func cutPreface(b []byte) (rest []byte, ok bool) {
	if len(b) < len(clientPreface) || string(b[:len(clientPreface)]) != clientPreface {
		return b, false
	}
	return b[len(clientPreface):], true
}

// endOfReading keeps apart a peer that left and a connection that broke.
func endOfReading(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

// takeFrames acts on every complete frame and returns what is left over.
func (c *connection) takeFrames(data []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active = time.Now()
	for {
		f, rest, ok, err := readFrame(data)
		if err != nil {
			return rest, err
		}
		if !ok {
			break
		}
		data = rest
		if c.inbound.finished {
			continue
		}
		if err := c.takeFrame(f); err != nil {
			return data, err
		}
	}
	c.returnCredit()
	return data, nil
}

func (c *connection) takeFrame(f frame) error {
	in := &c.inbound
	if in.blockStream != 0 && (f.kind != frameContinuation || f.stream != in.blockStream) {
		return connectionError{codeProtocol, "another frame inside a header block"}
	}
	switch f.kind {
	case frameHeaders:
		return c.takeHeaders(f)
	case frameContinuation:
		return c.takeContinuation(f)
	case frameData:
		return c.takeData(f)
	case frameSettings:
		return c.takeSettings(f)
	case frameWindowUpdate:
		return c.takeWindowUpdate(f)
	case frameRST:
		if f.stream == 0 || len(f.payload) != 4 {
			return connectionError{codeProtocol, "malformed RST_STREAM"}
		}
		if st := c.streams[f.stream]; st != nil {
			c.server.tally("cancelled")
			c.forget(st)
		}
		delete(in.refused, f.stream)
	case framePing:
		if f.stream != 0 || len(f.payload) != 8 {
			return connectionError{codeFrameSize, "malformed PING"}
		}
		if f.flags&flagAck == 0 {
			c.out = appendPingAck(c.out, f.payload)
		}
	case framePushPromise:
		return connectionError{codeProtocol, "a client cannot push"}
	case frameGoAway, framePriority: // nothing to do: the peer closes when it is done; priorities are obsolete
	}
	return nil
}

func (c *connection) takeHeaders(f frame) error {
	in := &c.inbound
	if f.stream%2 == 0 {
		return connectionError{codeProtocol, "HEADERS on a stream that a client cannot open"}
	}
	block, err := f.unpad()
	if err != nil {
		return err
	}
	in.block = append(in.block[:0], block...)
	in.blockStream, in.blockEnds = f.stream, f.flags&flagEndStream != 0
	if f.flags&flagEndHeaders != 0 {
		return c.takeBlock()
	}
	return nil
}

func (c *connection) takeContinuation(f frame) error {
	in := &c.inbound
	if in.blockStream == 0 {
		return connectionError{codeProtocol, "CONTINUATION without HEADERS"}
	}
	if len(in.block)+len(f.payload) > headerBlockLimit {
		return connectionError{codeEnhanceYourCalm, "a header block is larger than 65536 bytes"}
	}
	in.block = append(in.block, f.payload...)
	if f.flags&flagEndHeaders != 0 {
		return c.takeBlock()
	}
	return nil
}

// takeBlock decodes a complete header block. Decoding happens whatever becomes
// of the stream, because the tables of both sides must stay the same.
func (c *connection) takeBlock() error {
	in := &c.inbound
	id, ends := in.blockStream, in.blockEnds
	in.blockStream = 0
	in.headerBytes += uint64(len(in.block))
	if size, ok := leadingTableSize(in.block); ok {
		in.chosen, in.shrunk = size, false
	}
	if in.shrunk {
		return connectionError{codeCompression, "the header table was made smaller and the header block does not say so"}
	}
	*in.request = request{}
	if _, err := in.decoder.Write(in.block); err != nil {
		return connectionError{codeCompression, "a header block cannot be decoded"}
	}
	if err := in.decoder.Close(); err != nil {
		return connectionError{codeCompression, "a header block ends in the middle"}
	}
	if st := c.streams[id]; st != nil {
		return c.takeTrailers(st, ends)
	}
	if id <= in.lastStream {
		if in.refused[id] {
			return nil
		}
		return connectionError{codeStreamClosed, "HEADERS on a closed stream"}
	}
	if c.goingAway && id > c.lastGood {
		return nil // promised not to be processed
	}
	return c.open(id, ends)
}

func (c *connection) takeTrailers(st *stream, ends bool) error {
	if st.ended || !ends {
		return connectionError{codeProtocol, "a second header block that does not end the stream"}
	}
	c.requestComplete(st)
	return nil
}

func (c *connection) open(id uint32, ends bool) error {
	in := &c.inbound
	before := in.lastStream
	in.lastStream = id
	if uint32(len(c.streams)) >= c.allowed() {
		return c.refuseStream(id, before, ends)
	}
	if !in.request.complete() {
		c.out = appendRST(c.out, id, codeProtocol)
		c.noteRefused(id, ends)
		return nil
	}
	r := *in.request
	st := &stream{id: id, request: &r, window: c.peerWindow}
	c.streams[id] = st
	c.requests++
	if r.listSize > maxHeaderList {
		c.write(st, answer{status: statusHeaderFieldsTooLarge})
		return nil
	}
	if ends {
		c.requestComplete(st)
	}
	return nil
}

// refuseStream is S4 or S5 of spec §1.4: the excess is never processed.
func (c *connection) refuseStream(id, before uint32, ends bool) error {
	c.server.tally("streams_refused")
	if c.server.policy.Load().ExcessStreams == "goaway" {
		c.inbound.lastStream = before
		c.goAway(codeRefusedStream, before, "number of active streams exceeded")
		return nil
	}
	c.out = appendRST(c.out, id, codeRefusedStream)
	c.noteRefused(id, ends)
	return nil
}

func (c *connection) noteRefused(id uint32, ended bool) {
	if ended {
		return
	}
	if len(c.inbound.refused) > 10000 {
		clear(c.inbound.refused) // a peer that never sends what it announced
	}
	c.inbound.refused[id] = true
}

func (c *connection) takeData(f frame) error {
	in := &c.inbound
	if f.stream == 0 {
		return connectionError{codeProtocol, "DATA on stream 0"}
	}
	data, err := f.unpad()
	if err != nil {
		return err
	}
	in.window -= len(f.payload)
	in.owed += len(f.payload)
	if in.window < 0 {
		return connectionError{codeFlowControl, "more DATA than the connection window allows"}
	}
	ends := f.flags&flagEndStream != 0
	st := c.streams[f.stream]
	if st == nil || st.ended {
		return c.takeStrayData(f.stream, st, ends)
	}
	st.request.takeBody(data)
	st.uncredit += len(f.payload)
	if ends {
		c.requestComplete(st)
		return nil
	}
	if st.request.length > defaultWindow { // hopeless: answer now instead of reading on
		st.cut = true
		c.requestComplete(st)
		return nil
	}
	if st.uncredit > defaultWindow/2 {
		c.out = appendWindowUpdate(c.out, st.id, st.uncredit)
		st.uncredit = 0
	}
	return nil
}

// takeStrayData is DATA for a stream that is not open: of a refused stream it
// is answered like the real gateway does (S5), of an answered one it is normal.
func (c *connection) takeStrayData(id uint32, st *stream, ends bool) error {
	in := &c.inbound
	if st != nil {
		return connectionError{codeStreamClosed, "DATA after the end of the stream"}
	}
	if id > in.lastStream && !c.goingAway {
		return connectionError{codeProtocol, "DATA on a stream that was never opened"}
	}
	if in.refused[id] {
		c.out = appendRST(c.out, id, codeStreamClosed)
		if ends {
			delete(in.refused, id)
		}
	}
	return nil
}

// returnCredit gives back window for what was read, first paying the debt that
// keeps the window smaller than HTTP/2's initial one.
func (c *connection) returnCredit() {
	in := &c.inbound
	when := c.server.policy.Load().ReturnCredit
	if in.owed == 0 || when == "never" || when == "batch" && in.owed < in.threshold {
		return
	}
	credit := in.owed
	in.owed = 0
	if paid := min(credit, in.debt); paid > 0 {
		in.debt -= paid
		credit -= paid
	}
	if credit > 0 {
		in.window += credit
		c.out = appendWindowUpdate(c.out, 0, credit)
	}
}
