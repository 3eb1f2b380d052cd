package apns

import (
	"encoding/binary"
	"fmt"
)

// The parts of HTTP/2 that this server speaks (RFC 9113 §4, §6, §7).
const (
	frameHeaderLength = 9
	maxFrameSize      = 16384 // announced and obeyed, in bytes
	defaultWindow     = 65535
	maxWindow         = 1<<31 - 1
	maxStreamID       = 1<<31 - 1
	clientPreface     = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

type frameType uint8

const (
	frameData         frameType = 0
	frameHeaders      frameType = 1
	framePriority     frameType = 2
	frameRST          frameType = 3
	frameSettings     frameType = 4
	framePushPromise  frameType = 5
	framePing         frameType = 6
	frameGoAway       frameType = 7
	frameWindowUpdate frameType = 8
	frameContinuation frameType = 9
)

const (
	flagAck        = 0x1
	flagEndStream  = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

const (
	settingHeaderTableSize   = 1
	settingEnablePush        = 2
	settingMaxStreams        = 3
	settingInitialWindowSize = 4
	settingMaxFrameSize      = 5
	settingMaxHeaderListSize = 6
)

const (
	codeNoError         = 0x0
	codeProtocol        = 0x1
	codeInternal        = 0x2
	codeFlowControl     = 0x3
	codeStreamClosed    = 0x5
	codeFrameSize       = 0x6
	codeRefusedStream   = 0x7
	codeCancel          = 0x8
	codeCompression     = 0x9
	codeEnhanceYourCalm = 0xb
)

// frame is one frame; payload points into the read buffer.
type frame struct {
	kind    frameType
	flags   uint8
	stream  uint32
	payload []byte
}

// connectionError ends a connection with GOAWAY.
type connectionError struct {
	code uint32
	text string
}

func (e connectionError) Error() string {
	return fmt.Sprintf("apns: HTTP/2 error %d: %s", e.code, e.text)
}

// readFrame takes the first frame out of data. It returns ok = false when the
// frame is not complete yet.
func readFrame(data []byte) (f frame, rest []byte, ok bool, err error) {
	if len(data) < frameHeaderLength {
		return f, data, false, nil
	}
	length := int(data[0])<<16 | int(data[1])<<8 | int(data[2])
	if length > maxFrameSize {
		return f, data, false, connectionError{codeFrameSize, "a frame is larger than 16384 bytes"}
	}
	if len(data) < frameHeaderLength+length {
		return f, data, false, nil
	}
	f.kind, f.flags = frameType(data[3]), data[4]
	f.stream = binary.BigEndian.Uint32(data[5:]) & maxStreamID
	f.payload = data[frameHeaderLength : frameHeaderLength+length]
	return f, data[frameHeaderLength+length:], true, nil
}

// unpad removes padding, and for HEADERS the priority fields, which are
// obsolete (RFC 9113 §5.3.2).
func (f frame) unpad() ([]byte, error) {
	p := f.payload
	pad := 0
	if f.flags&flagPadded != 0 {
		if len(p) < 1 {
			return nil, connectionError{codeFrameSize, "a padded frame without a pad length"}
		}
		pad, p = int(p[0]), p[1:]
	}
	if f.kind == frameHeaders && f.flags&flagPriority != 0 {
		if len(p) < 5 {
			return nil, connectionError{codeFrameSize, "HEADERS too short for its priority fields"}
		}
		p = p[5:]
	}
	if pad > len(p) {
		return nil, connectionError{codeProtocol, "more padding than frame"}
	}
	return p[:len(p)-pad], nil
}

func appendFrameHeader(b []byte, length int, kind frameType, flags uint8, stream uint32) []byte {
	b = append(b, byte(length>>16), byte(length>>8), byte(length), byte(kind), flags)
	return binary.BigEndian.AppendUint32(b, stream)
}

type setting struct {
	id    uint16
	value uint32
}

func appendSettings(b []byte, settings ...setting) []byte {
	b = appendFrameHeader(b, 6*len(settings), frameSettings, 0, 0)
	for _, s := range settings {
		b = binary.BigEndian.AppendUint16(b, s.id)
		b = binary.BigEndian.AppendUint32(b, s.value)
	}
	return b
}

func appendSettingsAck(b []byte) []byte { return appendFrameHeader(b, 0, frameSettings, flagAck, 0) }

func appendPingAck(b, data []byte) []byte {
	return append(appendFrameHeader(b, 8, framePing, flagAck, 0), data...)
}

func appendRST(b []byte, stream, code uint32) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHeader(b, 4, frameRST, 0, stream), code)
}

func appendWindowUpdate(b []byte, stream uint32, credit int) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHeader(b, 4, frameWindowUpdate, 0, stream), uint32(credit))
}

func appendGoAway(b []byte, last, code uint32, debug string) []byte {
	b = appendFrameHeader(b, 8+len(debug), frameGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	b = binary.BigEndian.AppendUint32(b, code)
	return append(b, debug...)
}
