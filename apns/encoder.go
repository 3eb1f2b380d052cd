package apns

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// headerTableSize is the decoder table that every HTTP/2 peer has until it says otherwise, and the most that we use of it.
const headerTableSize = 4096

// An encoder writes requests as HTTP/2 frames. Header compression (RFC 7541) follows the decision in spec 2.6: what rarely varies
// enters the gateway's table at its first use, what varies is sent as a literal whose name alone comes from a table. The table
// therefore stands still after the first request of a kind, and a request becomes a prepared piece of bytes plus the path.
type encoder struct {
	authority     string
	authorization string // "bearer …", or "" for certificates
	topic         string // used when a notification names none

	limit    uint32 // what the gateway allows for its table
	size     uint32 // what our entries take up there
	entries  []tableEntry
	restart  bool // the next header block must begin by emptying the table
	prepared map[requestKind]*preparedHeaders
	recent   *preparedHeaders
}

type tableEntry struct{ name, value string }

// requestKind is what the prepared bytes depend on.
type requestKind struct {
	topic    string
	pushType PushType
	priority int
}

type preparedHeaders struct {
	kind  requestKind
	bytes []byte // :authority, authorization, apns-topic, apns-push-type, apns-priority
}

func newEncoder(authority, topic string) *encoder {
	return &encoder{authority: authority, topic: topic, limit: headerTableSize, prepared: map[requestKind]*preparedHeaders{}}
}

// setAuthorization changes the provider token. The old one would stay in the gateway's table as a dead weight, so the table is
// started afresh: once in half an hour.
func (e *encoder) setAuthorization(token string) {
	if token != "" {
		token = "bearer " + token
	}
	if token == e.authorization {
		return
	}
	used := len(e.entries) > 0
	e.authorization = token
	e.forget()
	e.restart = e.restart || used
}

// setTableSize follows SETTINGS_HEADER_TABLE_SIZE. The size update must open the next header block (RFC 7541, section 4.2).
func (e *encoder) setTableSize(size uint32) {
	e.limit = min(size, headerTableSize)
	e.forget()
	e.restart = true
}

func (e *encoder) forget() {
	e.entries = e.entries[:0]
	e.size = 0
	e.moved()
}

// moved drops the prepared bytes, because every insertion shifts the indices of all entries.
func (e *encoder) moved() {
	clear(e.prepared)
	e.recent = nil
}

const devicePath = "/3/device/"

// appendHeaders adds the HEADERS frame of a device push.
func (e *encoder) appendHeaders(dst []byte, stream uint32, n *Notification) []byte {
	start := len(dst)
	dst = appendFrameHeader(dst, 0, frameHeaders, flagEndHeaders, stream)
	if e.restart {
		e.restart = false
		dst = append(dst, 0x20)
		if e.limit > 0 {
			dst = appendInteger(dst, 0x20, 5, uint64(e.limit))
		}
	}
	dst = append(dst, 0x83, 0x87) // :method POST, :scheme https
	dst = append(dst, 0x04)       // :path, not indexed
	dst = appendInteger(dst, 0, 7, uint64(len(devicePath)+len(n.Token)))
	dst = append(dst, devicePath...)
	dst = appendLower(dst, n.Token)
	dst = e.appendSteady(dst, requestKind{n.Topic, n.PushType, n.Priority})
	if n.ID != [16]byte{} {
		var text [36]byte
		dst = e.appendVarying(dst, "apns-id", appendUUID(text[:0], n.ID))
	}
	if n.Expiration.set {
		var text [20]byte
		dst = e.appendVarying(dst, "apns-expiration", strconv.AppendInt(text[:0], n.Expiration.unix, 10))
	}
	if n.CollapseID != "" {
		var text [maxCollapseID]byte
		dst = e.appendVarying(dst, "apns-collapse-id", append(text[:0], n.CollapseID...))
	}
	length := len(dst) - start - frameHeaderSize
	dst[start], dst[start+1], dst[start+2] = byte(length>>16), byte(length>>8), byte(length)
	return dst
}

// appendSteady adds the headers that are the same for all requests of a kind.
func (e *encoder) appendSteady(dst []byte, kind requestKind) []byte {
	if r := e.recent; r != nil && r.kind == kind {
		return append(dst, r.bytes...)
	}
	if p := e.prepared[kind]; p != nil {
		e.recent = p
		return append(dst, p.bytes...)
	}
	start, before := len(dst), len(e.entries)
	topic, pushType, priority := kind.topic, kind.pushType, kind.priority
	if topic == "" {
		topic = e.topic
	}
	if pushType == "" {
		pushType = typeOf(topic)
	}
	if priority == 0 && pushType == PushBackground {
		priority = 5
	}
	dst = e.appendIndexed(dst, ":authority", e.authority)
	if e.authorization != "" {
		dst = e.appendIndexed(dst, "authorization", e.authorization)
	}
	dst = e.appendIndexed(dst, "apns-topic", topic)
	dst = e.appendIndexed(dst, "apns-push-type", string(pushType))
	if priority != 0 {
		dst = e.appendIndexed(dst, "apns-priority", strconv.Itoa(priority))
	}
	if len(e.entries) == before && len(e.prepared) < 256 {
		e.recent = &preparedHeaders{kind, append([]byte(nil), dst[start:]...)}
		e.prepared[kind] = e.recent
	}
	return dst
}

// appendIndexed adds a field that is worth a place in the gateway's table. A full table is left as it is: pushing an entry out to
// make room would cost every other kind of request its place.
func (e *encoder) appendIndexed(dst []byte, name, value string) []byte {
	for i, entry := range e.entries {
		if entry.name == name && entry.value == value {
			return appendInteger(dst, 0x80, 7, e.index(i))
		}
	}
	if e.insert(name, value) {
		// The name is looked up among the entries that the decoder knows before it adds this one, whose indices are lower by one.
		dst = appendNameIndex(dst, 0x40, 6, e.nameIndex(name, len(e.entries)-1), name)
	} else {
		dst = appendNameIndex(dst, 0x00, 4, e.nameIndex(name, len(e.entries)), name)
	}
	return appendString(dst, value)
}

// appendVarying adds a field whose value is never worth a place. Its first use is indexed all the same, if there is room,
// because that puts the name into the table.
func (e *encoder) appendVarying(dst []byte, name string, value []byte) []byte {
	index := e.nameIndex(name, len(e.entries))
	if index == 0 && e.insert(name, string(value)) {
		dst = appendNameIndex(dst, 0x40, 6, 0, name)
	} else {
		dst = appendNameIndex(dst, 0x00, 4, index, name)
	}
	dst = appendInteger(dst, 0, 7, uint64(len(value)))
	return append(dst, value...)
}

func (e *encoder) insert(name, value string) bool {
	cost := uint32(len(name) + len(value) + 32)
	if e.size+cost > e.limit {
		return false
	}
	e.size += cost
	e.entries = append(e.entries, tableEntry{name, value})
	e.moved()
	return true
}

// index is the number by which the gateway knows our i-th entry: the newest has 62, after the 61 of the static table.
func (e *encoder) index(i int) uint64 { return uint64(62 + len(e.entries) - 1 - i) }

// nameIndex finds a name in the static table or among the first known entries; 0 if there is none.
func (e *encoder) nameIndex(name string, known int) uint64 {
	switch name {
	case ":authority":
		return 1
	case "authorization":
		return 23
	}
	for i := known - 1; i >= 0; i-- {
		if e.entries[i].name == name {
			return uint64(62 + known - 1 - i)
		}
	}
	return 0
}

func appendNameIndex(dst []byte, pattern byte, prefix uint, index uint64, name string) []byte {
	dst = appendInteger(dst, pattern, prefix, index)
	if index == 0 {
		dst = appendString(dst, name)
	}
	return dst
}

// appendString writes plain text. Huffman coding would save a fifth of the bytes and cost more time than everything else here.
func appendString(dst []byte, text string) []byte {
	return append(appendInteger(dst, 0, 7, uint64(len(text))), text...)
}

// appendInteger is the integer form of RFC 7541, section 5.1.
func appendInteger(dst []byte, pattern byte, prefix uint, n uint64) []byte {
	limit := uint64(1)<<prefix - 1
	if n < limit {
		return append(dst, pattern|byte(n))
	}
	dst = append(dst, pattern|byte(limit))
	for n -= limit; n >= 128; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}

// appendLower adds hexadecimal digits in lower case, eight at a time: digits have bit 0x20 set already, letters get it.
func appendLower(dst []byte, digits string) []byte {
	start := len(dst)
	dst = append(dst, digits...)
	rest := dst[start:]
	for ; len(rest) >= 8; rest = rest[8:] {
		binary.NativeEndian.PutUint64(rest, binary.NativeEndian.Uint64(rest)|0x2020202020202020)
	}
	for i := range rest {
		rest[i] |= 0x20
	}
	return dst
}

// appendUUID writes the form 8-4-4-4-12, in lower case.
func appendUUID(dst []byte, id [16]byte) []byte {
	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return append(dst, text[:]...)
}

// parseUUID reads that form in either case; the gateway writes its own ids in upper case (spec 2.2).
func parseUUID(text []byte) (id [16]byte, ok bool) {
	if len(text) != 36 {
		return id, false
	}
	for i, at := 0, 0; i < 16; i++ {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			if text[at] != '-' {
				return [16]byte{}, false
			}
			at++
		}
		high, low := hexValue(text[at]), hexValue(text[at+1])
		if high|low > 15 {
			return [16]byte{}, false
		}
		id[i] = high<<4 | low
		at += 2
	}
	return id, true
}

func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}
