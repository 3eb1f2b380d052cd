package device

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// binaryPlist reads the binary form, version "00": a table of objects that refer to each other by number, a table of their
// offsets, and a trailer of 32 bytes. References are followed from the top object; an object that contains itself is
// refused, and shared objects count each time they are visited, so the expanded size is bounded too.
type binaryPlist struct {
	data       []byte // without the trailer and the offset table: objects live here only
	offsets    []byte
	offsetSize int
	refSize    int
	count      uint64
	open       map[uint64]bool // containers on the path from the top
	budget
}

const binaryPlistTrailer = 32

func parseBinaryPlist(data []byte) (any, error) {
	if len(data) < len("bplist00")+binaryPlistTrailer+2 {
		return nil, fmt.Errorf("%w: the binary file is cut short", errPlist)
	}
	if string(data[:8]) != "bplist00" {
		return nil, fmt.Errorf("%w: binary version %q is not read; convert it with: plutil -convert xml1 PushConfig.plist", errPlist, data[6:8])
	}
	trailer := data[len(data)-binaryPlistTrailer:]
	body := data[:len(data)-binaryPlistTrailer]
	p := &binaryPlist{
		offsetSize: int(trailer[6]),
		refSize:    int(trailer[7]),
		count:      binary.BigEndian.Uint64(trailer[8:]),
		open:       map[uint64]bool{},
	}
	top, table := binary.BigEndian.Uint64(trailer[16:]), binary.BigEndian.Uint64(trailer[24:])
	if p.offsetSize < 1 || p.offsetSize > 8 || p.refSize < 1 || p.refSize > 8 {
		return nil, fmt.Errorf("%w: the trailer names impossible sizes", errPlist)
	}
	if table < 8 || table > uint64(len(body)) {
		return nil, fmt.Errorf("%w: the offset table lies outside of the file", errPlist)
	}
	// Division, not multiplication: the count is attacker-chosen and must not overflow.
	if p.count == 0 || p.count > (uint64(len(body))-table)/uint64(p.offsetSize) {
		return nil, fmt.Errorf("%w: the offset table is cut short", errPlist)
	}
	p.data, p.offsets = body[:table], body[table:]
	return p.object(top, 0)
}

func bigEndian(b []byte) uint64 {
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

func (p *binaryPlist) object(number uint64, depth int) (any, error) {
	if err := p.enter(depth); err != nil {
		return nil, err
	}
	if number >= p.count {
		return nil, fmt.Errorf("%w: it refers to object %d of %d", errPlist, number, p.count)
	}
	at := bigEndian(p.offsets[number*uint64(p.offsetSize):][:p.offsetSize])
	if at < 8 || at >= uint64(len(p.data)) {
		return nil, fmt.Errorf("%w: object %d lies outside of the file", errPlist, number)
	}
	marker, rest := p.data[at], p.data[at+1:]
	kind, info := marker>>4, int(marker&0x0f)
	switch kind {
	case 0x0:
		switch info {
		case 0x8, 0x9:
			return info == 0x9, nil
		}
	case 0x1:
		return integer(rest, info)
	case 0x2:
		return float(rest, info)
	case 0x3:
		seconds, err := float(rest, 3)
		if err != nil || info != 3 {
			return nil, fmt.Errorf("%w: malformed date", errPlist)
		}
		if math.IsNaN(seconds) || math.Abs(seconds) > 1e11 {
			return nil, fmt.Errorf("%w: a date out of range", errPlist)
		}
		epoch := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
		return epoch.Add(time.Duration(math.Trunc(seconds)) * time.Second), nil
	case 0x4, 0x5, 0x6, 0x7:
		return p.bytes(kind, info, rest)
	case 0xA, 0xD:
		if p.open[number] {
			return nil, fmt.Errorf("%w: object %d contains itself", errPlist, number)
		}
		p.open[number] = true
		defer delete(p.open, number)
		if kind == 0xA {
			return p.array(info, rest, depth)
		}
		return p.dict(info, rest, depth)
	}
	return nil, fmt.Errorf("%w: object %d has the unknown type 0x%02x", errPlist, number, marker)
}

func integer(rest []byte, info int) (int64, error) {
	size := 1 << info
	if info > 4 || len(rest) < size {
		return 0, fmt.Errorf("%w: malformed integer", errPlist)
	}
	// Sizes below 8 are unsigned, 8 is signed, 16 holds what does not fit a signed 64 bit number.
	n := bigEndian(rest[:size])
	if size == 16 && (bigEndian(rest[:8]) != 0 || n > math.MaxInt64) {
		return 0, fmt.Errorf("%w: an integer beyond 64 bits", errPlist)
	}
	return int64(n), nil
}

func float(rest []byte, info int) (float64, error) {
	switch {
	case info == 2 && len(rest) >= 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(rest))), nil
	case info == 3 && len(rest) >= 8:
		return math.Float64frombits(binary.BigEndian.Uint64(rest)), nil
	}
	return 0, fmt.Errorf("%w: malformed real number", errPlist)
}

// length returns the element count of a variable-size object and what follows it.
func length(info int, rest []byte) (uint64, []byte, error) {
	if info != 0x0f {
		return uint64(info), rest, nil
	}
	if len(rest) == 0 || rest[0]>>4 != 1 {
		return 0, nil, fmt.Errorf("%w: malformed length", errPlist)
	}
	power := int(rest[0] & 0x0f)
	n, err := integer(rest[1:], power)
	if err != nil || n < 0 {
		return 0, nil, fmt.Errorf("%w: malformed length", errPlist)
	}
	return uint64(n), rest[1+1<<power:], nil
}

func (p *binaryPlist) bytes(kind byte, info int, rest []byte) (any, error) {
	n, rest, err := length(info, rest)
	if err != nil {
		return nil, err
	}
	unit := uint64(1)
	if kind == 0x6 {
		unit = 2
	}
	if n > uint64(len(rest))/unit {
		return nil, fmt.Errorf("%w: a value reaches beyond the end of the file", errPlist)
	}
	raw := rest[:n*unit]
	switch kind {
	case 0x4:
		return append([]byte(nil), raw...), nil
	case 0x6:
		units := make([]uint16, n)
		for i := range units {
			units[i] = binary.BigEndian.Uint16(raw[2*i:])
		}
		return string(utf16.Decode(units)), nil
	}
	if !utf8.Valid(raw) {
		return nil, fmt.Errorf("%w: a string is not valid text", errPlist)
	}
	return string(raw), nil
}

// refs returns n object numbers.
func (p *binaryPlist) refs(n uint64, rest []byte) ([]uint64, []byte, error) {
	if n > uint64(len(rest))/uint64(p.refSize) {
		return nil, nil, fmt.Errorf("%w: a container reaches beyond the end of the file", errPlist)
	}
	numbers := make([]uint64, n)
	for i := range numbers {
		numbers[i] = bigEndian(rest[i*p.refSize:][:p.refSize])
	}
	return numbers, rest[n*uint64(p.refSize):], nil
}

func (p *binaryPlist) array(info int, rest []byte, depth int) (any, error) {
	n, rest, err := length(info, rest)
	if err != nil {
		return nil, err
	}
	numbers, _, err := p.refs(n, rest)
	if err != nil {
		return nil, err
	}
	array := []any{}
	for _, number := range numbers {
		value, err := p.object(number, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	return array, nil
}

func (p *binaryPlist) dict(info int, rest []byte, depth int) (any, error) {
	n, rest, err := length(info, rest)
	if err != nil {
		return nil, err
	}
	keys, rest, err := p.refs(n, rest)
	if err != nil {
		return nil, err
	}
	values, _, err := p.refs(n, rest)
	if err != nil {
		return nil, err
	}
	dict := map[string]any{}
	for i := range keys {
		name, err := p.object(keys[i], depth+1)
		if err != nil {
			return nil, err
		}
		key, ok := name.(string)
		if !ok {
			return nil, fmt.Errorf("%w: a key that is not text", errPlist)
		}
		value, err := p.object(values[i], depth+1)
		if err != nil {
			return nil, err
		}
		if _, twice := dict[key]; twice {
			return nil, fmt.Errorf("%w: the key %q appears twice; keep one", errPlist, key)
		}
		dict[key] = value
	}
	return dict, nil
}
