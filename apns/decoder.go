package apns

import (
	"bytes"
	"errors"
	"time"

	"golang.org/x/net/http2/hpack"
)

// A decoder reads the header blocks of answers. We announce a table of size 0, so nearly all blocks can be read in place,
// without copying and without a table. Blocks that do touch the table (a peer may use one until it has seen our settings) go,
// all of them, to the general decoder, which therefore always has the state it needs.
type decoder struct {
	general *hpack.Decoder
	head    *responseHead // where general delivers
	scratch bytes.Buffer
}

// responseHead is what this client wants to know from the headers of an answer.
type responseHead struct {
	status     int
	id         rawText // apns-id or apns-request-id
	uniqueID   rawText
	channelID  rawText
	retryAfter rawText
	date       rawText
}

// rawText is a header value as it stands in the block; it is valid until the block's buffer is reused.
type rawText struct {
	bytes   []byte
	huffman bool
}

func newDecoder() *decoder {
	d := &decoder{}
	d.general = hpack.NewDecoder(headerTableSize, func(f hpack.HeaderField) { d.head.set(f.Name, f.Value) })
	d.general.SetMaxStringLength(maxFrameSize)
	return d
}

var errHeaders = errors.New("malformed header block")

// errNeedsTable sends a block to the general decoder.
var errNeedsTable = errors.New("header block uses the table")

func (d *decoder) decode(block []byte, head *responseHead) error {
	*head = responseHead{}
	err := head.readInPlace(d, block)
	if !errors.Is(err, errNeedsTable) {
		return err
	}
	*head = responseHead{}
	d.head = head
	if _, err := d.general.Write(block); err != nil {
		return errHeaders
	}
	if d.general.Close() != nil {
		return errHeaders
	}
	return nil
}

// statusOfIndex gives the :status of the entries 8 to 14 of the static table.
var statusOfIndex = [...]int{8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}

const (
	staticStatus     = 8
	staticDate       = 33
	staticRetryAfter = 53
	staticEntries    = 61
)

func (h *responseHead) readInPlace(d *decoder, block []byte) error {
	for len(block) > 0 {
		first := block[0]
		if first&0x80 != 0 {
			index, rest, ok := readInteger(block, 7)
			if !ok || index == 0 {
				return errHeaders
			}
			if index > staticEntries {
				return errNeedsTable
			}
			if index >= staticStatus && index < uint64(len(statusOfIndex)) {
				h.status = statusOfIndex[index]
			}
			block = rest
			continue
		}
		if first&0x60 != 0 { // insertion or change of the table's size
			return errNeedsTable
		}
		nameIndex, rest, ok := readInteger(block, 4)
		if !ok {
			return errHeaders
		}
		if nameIndex > staticEntries {
			return errNeedsTable
		}
		var name, value rawText
		if nameIndex == 0 {
			if name, rest, ok = readText(rest); !ok {
				return errHeaders
			}
			if name.is(":status", huffmanStatus) {
				nameIndex = staticStatus
			}
		}
		if value, rest, ok = readText(rest); !ok {
			return errHeaders
		}
		block = rest
		switch {
		case nameIndex == 0:
			if field := h.field(name); field != nil {
				*field = value
			}
		case nameIndex >= staticStatus && nameIndex < uint64(len(statusOfIndex)):
			var scratch [8]byte
			h.status = parseStatus(value.append(d, scratch[:0]))
		case nameIndex == staticDate:
			h.date = value
		case nameIndex == staticRetryAfter:
			h.retryAfter = value
		}
	}
	return nil
}

// fieldNames are the headers whose values are kept, in their plain and their compressed form.
var fieldNames = []struct {
	plain, huffman string
	field          func(*responseHead) *rawText
}{
	{"apns-id", huffman("apns-id"), func(h *responseHead) *rawText { return &h.id }},
	{"apns-unique-id", huffman("apns-unique-id"), func(h *responseHead) *rawText { return &h.uniqueID }},
	{"apns-request-id", huffman("apns-request-id"), func(h *responseHead) *rawText { return &h.id }},
	{"apns-channel-id", huffman("apns-channel-id"), func(h *responseHead) *rawText { return &h.channelID }},
	{"retry-after", huffman("retry-after"), func(h *responseHead) *rawText { return &h.retryAfter }},
	{"date", huffman("date"), func(h *responseHead) *rawText { return &h.date }},
}

var huffmanStatus = huffman(":status")

func huffman(text string) string { return string(hpack.AppendHuffmanString(nil, text)) }

func (h *responseHead) field(name rawText) *rawText {
	for i := range fieldNames {
		known := &fieldNames[i]
		if name.is(known.plain, known.huffman) {
			return known.field(h)
		}
	}
	return nil
}

// is compares a name with a known one without decoding it. An encoder has no choice within each of the two forms.
func (r rawText) is(plain, huffman string) bool {
	if r.huffman {
		return string(r.bytes) == huffman
	}
	return string(r.bytes) == plain
}

// set takes a field from the general decoder.
func (h *responseHead) set(name, value string) {
	if name == ":status" {
		h.status = parseStatus([]byte(value))
		return
	}
	if field := h.field(rawText{bytes: []byte(name)}); field != nil {
		*field = rawText{bytes: []byte(value)}
	}
}

// append adds the plain text of a value to dst; a malformed value adds nothing.
func (r rawText) append(d *decoder, dst []byte) []byte {
	if !r.huffman {
		return append(dst, r.bytes...)
	}
	d.scratch.Reset()
	if _, err := hpack.HuffmanDecode(&d.scratch, r.bytes); err != nil {
		return dst
	}
	return append(dst, d.scratch.Bytes()...)
}

func parseStatus(text []byte) int {
	if len(text) != 3 {
		return 0
	}
	status := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
		status = status*10 + int(c-'0')
	}
	return status
}

// parseRetryAfter reads seconds; the form with a date is not used by anybody here.
func parseRetryAfter(text []byte) time.Duration {
	if len(text) == 0 || len(text) > 6 {
		return 0
	}
	seconds := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
		seconds = seconds*10 + int(c-'0')
	}
	return time.Duration(seconds) * time.Second
}

// readInteger is the reverse of appendInteger. Values above 2^28 are refused: nothing legal here is that long.
func readInteger(data []byte, prefix uint) (n uint64, rest []byte, ok bool) {
	if len(data) == 0 {
		return 0, nil, false
	}
	limit := uint64(1)<<prefix - 1
	n = uint64(data[0]) & limit
	data = data[1:]
	if n < limit {
		return n, data, true
	}
	for shift := uint(0); shift < 28; shift += 7 {
		if len(data) == 0 {
			return 0, nil, false
		}
		c := data[0]
		data = data[1:]
		n += uint64(c&0x7f) << shift
		if c&0x80 == 0 {
			return n, data, true
		}
	}
	return 0, nil, false
}

func readText(data []byte) (text rawText, rest []byte, ok bool) {
	if len(data) == 0 {
		return text, nil, false
	}
	huffman := data[0]&0x80 != 0
	length, data, ok := readInteger(data, 7)
	if !ok || length > uint64(len(data)) {
		return text, nil, false
	}
	return rawText{data[:length:length], huffman}, data[length:], true
}
