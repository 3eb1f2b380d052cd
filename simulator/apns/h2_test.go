package apns

import (
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/net/http2/hpack"
)

// The frames of HTTP/2 from the client's side, written from RFC 9113 and apart
// from the server's own code, so that the two check each other.

const h2ClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

type (
	h2FrameType byte
	h2SettingID uint16
	h2ErrCode   uint32
)

const (
	h2FrameData    h2FrameType = 0
	h2FrameHeaders h2FrameType = 1

	h2FlagEnd               = 0x1
	h2FlagHeadersEndHeaders = 0x4
	h2FlagHeadersPadded     = 0x8

	h2SettingHeaderTableSize      h2SettingID = 1
	h2SettingMaxConcurrentStreams h2SettingID = 3
	h2SettingInitialWindowSize    h2SettingID = 4
	h2SettingMaxFrameSize         h2SettingID = 5
	h2SettingMaxHeaderListSize    h2SettingID = 6

	h2ErrCodeNo              h2ErrCode = 0
	h2ErrCodeProtocol        h2ErrCode = 1
	h2ErrCodeFlowControl     h2ErrCode = 3
	h2ErrCodeStreamClosed    h2ErrCode = 5
	h2ErrCodeFrameSize       h2ErrCode = 6
	h2ErrCodeRefusedStream   h2ErrCode = 7
	h2ErrCodeCompression     h2ErrCode = 9
	h2ErrCodeEnhanceYourCalm h2ErrCode = 11
)

type h2Frame interface{ isFrame() }

type h2FrameHeader struct {
	Type     h2FrameType
	Flags    byte
	StreamID uint32
}

func (h2FrameHeader) isFrame()            {}
func (h h2FrameHeader) IsAck() bool       { return h.Flags&1 != 0 }
func (h h2FrameHeader) StreamEnded() bool { return h.Flags&1 != 0 }

type h2Setting struct {
	ID  h2SettingID
	Val uint32
}

type h2SettingsFrame struct {
	h2FrameHeader
	settings []h2Setting
}

func (f *h2SettingsFrame) Value(id h2SettingID) (uint32, bool) {
	for _, s := range f.settings {
		if s.ID == id {
			return s.Val, true
		}
	}
	return 0, false
}

type h2DataFrame struct {
	h2FrameHeader
	data []byte
	Pad  int
}

func (f *h2DataFrame) Data() []byte { return f.data }

type h2MetaHeadersFrame struct {
	h2FrameHeader
	Fields []hpack.HeaderField
	Frames int
}

func (f *h2MetaHeadersFrame) PseudoValue(name string) string { return f.value(":" + name) }

func (f *h2MetaHeadersFrame) value(name string) string {
	for _, field := range f.Fields {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

type h2RSTStreamFrame struct {
	h2FrameHeader
	ErrCode h2ErrCode
}

type h2PingFrame struct {
	h2FrameHeader
	Data [8]byte
}

// h2IgnoredFrame is one that a peer must ignore: PRIORITY, or of a kind that does not exist.
type h2IgnoredFrame struct{ h2FrameHeader }

type h2WindowUpdateFrame struct {
	h2FrameHeader
	Increment uint32
}

type h2GoAwayFrame struct {
	h2FrameHeader
	LastStreamID uint32
	ErrCode      h2ErrCode
	debug        []byte
}

func (f *h2GoAwayFrame) DebugData() []byte { return f.debug }

type h2Framer struct {
	w       io.Writer
	r       io.Reader
	decoder *hpack.Decoder
}

func (f *h2Framer) WriteRawFrame(t h2FrameType, flags byte, stream uint32, payload []byte) error {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), byte(t), flags}
	head = binary.BigEndian.AppendUint32(head, stream)
	_, err := f.w.Write(append(head, payload...))
	return err
}

func (f *h2Framer) WriteSettings(settings ...h2Setting) error {
	var p []byte
	for _, s := range settings {
		p = binary.BigEndian.AppendUint16(p, uint16(s.ID))
		p = binary.BigEndian.AppendUint32(p, s.Val)
	}
	return f.WriteRawFrame(4, 0, 0, p)
}

func (f *h2Framer) WriteSettingsAck() error { return f.WriteRawFrame(4, 1, 0, nil) }

func (f *h2Framer) WritePing(ack bool, data [8]byte) error {
	return f.WriteRawFrame(6, 0, 0, data[:])
}

func (f *h2Framer) WriteWindowUpdate(stream, credit uint32) error {
	return f.WriteRawFrame(8, 0, stream, binary.BigEndian.AppendUint32(nil, credit))
}

func (f *h2Framer) WriteRSTStream(stream uint32, code h2ErrCode) error {
	return f.WriteRawFrame(3, 0, stream, binary.BigEndian.AppendUint32(nil, uint32(code)))
}

func (f *h2Framer) WriteData(stream uint32, end bool, data []byte) error {
	var flags byte
	if end {
		flags = h2FlagEnd
	}
	return f.WriteRawFrame(h2FrameData, flags, stream, data)
}

// ReadFrame reads a frame; a header block is read to its end and decoded.
func (f *h2Framer) ReadFrame() (h2Frame, error) {
	head, p, err := f.readRaw()
	if err != nil {
		return nil, err
	}
	switch head.Type {
	case 0:
		pad := 0
		if head.Flags&8 != 0 {
			pad = int(p[0]) + 1
			p = p[1 : len(p)-pad+1]
		}
		return &h2DataFrame{head, p, pad}, nil
	case 1:
		block, frames, last := p, 1, head
		for last.Flags&4 == 0 {
			var more []byte
			if last, more, err = f.readRaw(); err != nil {
				return nil, err
			}
			if last.Type != 9 || last.StreamID != head.StreamID {
				return nil, fmt.Errorf("frame %d inside a header block", last.Type)
			}
			block, frames = append(block, more...), frames+1
		}
		fields, err := f.decoder.DecodeFull(block)
		return &h2MetaHeadersFrame{head, fields, frames}, err
	case 3:
		return &h2RSTStreamFrame{head, h2ErrCode(binary.BigEndian.Uint32(p))}, nil
	case 4:
		s := &h2SettingsFrame{h2FrameHeader: head}
		for ; len(p) > 0; p = p[6:] {
			s.settings = append(s.settings, h2Setting{h2SettingID(binary.BigEndian.Uint16(p)), binary.BigEndian.Uint32(p[2:])})
		}
		return s, nil
	case 6:
		return &h2PingFrame{head, [8]byte(p)}, nil
	case 7:
		return &h2GoAwayFrame{head, binary.BigEndian.Uint32(p), h2ErrCode(binary.BigEndian.Uint32(p[4:])), p[8:]}, nil
	case 8:
		return &h2WindowUpdateFrame{head, binary.BigEndian.Uint32(p)}, nil
	}
	if head.Type == 2 || head.Type == 0xfa { // what only a script makes a server send
		return &h2IgnoredFrame{head}, nil
	}
	return nil, fmt.Errorf("a server does not send frames of type %d", head.Type)
}

func (f *h2Framer) readRaw() (h h2FrameHeader, payload []byte, err error) {
	var head [9]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return h, nil, err
	}
	h = h2FrameHeader{h2FrameType(head[3]), head[4], binary.BigEndian.Uint32(head[5:])}
	payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	_, err = io.ReadFull(f.r, payload)
	return h, payload, err
}
