package apns

import (
	"encoding/binary"
	"fmt"
)

// HTTP/2 frames (RFC 9113, sections 4 and 6), as far as this client needs them.

type frameType uint8

const (
	frameData         frameType = 0x0
	frameHeaders      frameType = 0x1
	frameRSTStream    frameType = 0x3
	frameSettings     frameType = 0x4
	framePushPromise  frameType = 0x5
	framePing         frameType = 0x6
	frameGoAway       frameType = 0x7
	frameWindowUpdate frameType = 0x8
	frameContinuation frameType = 0x9
)

const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// connectionPreface opens every HTTP/2 connection (RFC 9113, section 3.4).
const connectionPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const (
	frameHeaderSize = 9
	// receiveWindow is the credit in bytes that we give the gateway for the whole connection; half used, it is filled up.
	receiveWindow = 16 << 20
	// maxFrameSize is the largest payload that we accept, and the default that every peer accepts.
	maxFrameSize = 16384
	// defaultWindow is the size of every flow control window before anybody changes it.
	defaultWindow = 65535
	maxWindow     = 1<<31 - 1
	lastStreamID  = 1<<31 - 1
)

const (
	settingHeaderTableSize   = 0x1
	settingEnablePush        = 0x2
	settingMaxStreams        = 0x3
	settingInitialWindowSize = 0x4
	settingMaxFrameSize      = 0x5
)

// An errorCode is an HTTP/2 error code (RFC 9113, section 7).
type errorCode uint32

const (
	codeNoError          errorCode = 0x0
	codeProtocolError    errorCode = 0x1
	codeFlowControlError errorCode = 0x3
	codeFrameSizeError   errorCode = 0x6
	codeRefusedStream    errorCode = 0x7
	codeCancel           errorCode = 0x8
	codeCompressionError errorCode = 0x9
	codeEnhanceYourCalm  errorCode = 0xb
	codeHTTP11Required   errorCode = 0xd
)

func (c errorCode) String() string {
	names := [...]string{"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
		"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("error code %d", uint32(c))
}

// A protocolError ends the connection: the peer broke HTTP/2.
type protocolError struct {
	code errorCode
	text string
}

func (e *protocolError) Error() string {
	return "the gateway broke HTTP/2 (" + e.code.String() + "): " + e.text
}

func violation(code errorCode, format string, args ...any) error {
	return &protocolError{code, fmt.Sprintf(format, args...)}
}

type frame struct {
	kind    frameType
	flags   uint8
	stream  uint32
	payload []byte
}

// nextFrame cuts one frame off the front of data. Without a whole frame it returns size 0.
func nextFrame(data []byte) (f frame, size int, err error) {
	if len(data) < frameHeaderSize {
		return f, 0, nil
	}
	length := int(data[0])<<16 | int(data[1])<<8 | int(data[2])
	if length > maxFrameSize {
		if string(data[:5]) == "HTTP/" {
			return f, 0, errNotHTTP2
		}
		return f, 0, violation(codeFrameSizeError, "a frame of %d bytes", length)
	}
	if len(data) < frameHeaderSize+length {
		return f, 0, nil
	}
	return frame{
		kind:    frameType(data[3]),
		flags:   data[4],
		stream:  binary.BigEndian.Uint32(data[5:]) & lastStreamID,
		payload: data[frameHeaderSize : frameHeaderSize+length],
	}, frameHeaderSize + length, nil
}

// unpad removes the padding of a DATA or HEADERS frame and the priority fields of the latter.
func (f *frame) unpad() error {
	payload := f.payload
	if f.flags&flagPadded != 0 {
		if len(payload) < 1 || int(payload[0]) > len(payload)-1 {
			return violation(codeProtocolError, "padding longer than the frame")
		}
		payload = payload[1 : len(payload)-int(payload[0])]
	}
	if f.kind == frameHeaders && f.flags&flagPriority != 0 {
		if len(payload) < 5 {
			return violation(codeFrameSizeError, "a HEADERS frame too short for its priority")
		}
		payload = payload[5:]
	}
	f.payload = payload
	return nil
}

func appendFrameHeader(dst []byte, length int, kind frameType, flags uint8, stream uint32) []byte {
	return append(dst, byte(length>>16), byte(length>>8), byte(length), byte(kind), flags,
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

func appendReset(dst []byte, stream uint32, code errorCode) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHeader(dst, 4, frameRSTStream, 0, stream), uint32(code))
}

func appendWindowUpdate(dst []byte, stream, increment uint32) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHeader(dst, 4, frameWindowUpdate, 0, stream), increment)
}

func appendGoAway(dst []byte, code errorCode) []byte {
	dst = appendFrameHeader(dst, 8, frameGoAway, 0, 0)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, 0), uint32(code))
}

// openingBytes is what a client says first: the preface, its settings, and one large credit for the whole connection, so that
// the bookkeeping of answers never holds the gateway back.
func openingBytes() []byte {
	dst := append([]byte(nil), connectionPreface...)
	settings := [][2]uint32{
		{settingHeaderTableSize, 0}, // answers then never change our decoder's table
		{settingEnablePush, 0},
		{settingInitialWindowSize, defaultWindow},
		{settingMaxFrameSize, maxFrameSize},
	}
	dst = appendFrameHeader(dst, 6*len(settings), frameSettings, 0, 0)
	for _, s := range settings {
		dst = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(dst, uint16(s[0])), s[1])
	}
	return appendWindowUpdate(dst, 0, receiveWindow-defaultWindow)
}
