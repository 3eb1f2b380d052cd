package apns

import "encoding/binary"

// announce sends SETTINGS with the stream limit and the header table size.
func (c *connection) announce(limit, tableSize uint32, more ...setting) {
	c.limit = limit
	c.announced = append(c.announced, announcement{limit, tableSize})
	c.out = appendSettings(c.out, append([]setting{
		{settingHeaderTableSize, tableSize}, {settingMaxStreams, limit},
	}, more...)...)
	c.server.tally("settings_sent")
}

// setLimit announces a new stream limit if it is new.
func (c *connection) setLimit(limit uint32) {
	if c.limit != limit && !c.goingAway {
		c.announce(limit, c.inbound.tableSize)
	}
}

// adopt brings an open connection to a changed policy.
func (c *connection) adopt(old, p *Policy) {
	c.mu.Lock()
	limit := c.limit
	switch {
	case c.authenticated() && old.Streams != p.Streams:
		limit = p.Streams
	case !c.authenticated() && old.InitialStreams != p.InitialStreams:
		limit = p.InitialStreams
	}
	if (limit != c.limit || c.inbound.tableSize != p.HeaderTableSize) && !c.goingAway {
		c.inbound.tableSize = p.HeaderTableSize
		c.announce(limit, p.HeaderTableSize)
	}
	c.mu.Unlock()
	c.flush()
}

// allowed is how many streams the peer may believe it can open: until it
// acknowledges, it is held to the most generous limit it could have seen last.
func (c *connection) allowed() uint32 {
	if !c.settled {
		return 1<<32 - 1
	}
	most := c.believed
	for _, a := range c.announced {
		most = max(most, a.limit)
	}
	return most
}

func (c *connection) takeSettings(f frame) error {
	if f.stream != 0 || len(f.payload)%6 != 0 {
		return connectionError{codeFrameSize, "malformed SETTINGS"}
	}
	if f.flags&flagAck != 0 {
		return c.takeSettingsAck(len(f.payload))
	}
	for p := f.payload; len(p) > 0; p = p[6:] {
		if err := c.takeSetting(binary.BigEndian.Uint16(p), binary.BigEndian.Uint32(p[2:])); err != nil {
			return err
		}
	}
	c.out = appendSettingsAck(c.out)
	return nil
}

func (c *connection) takeSettingsAck(length int) error {
	if length != 0 {
		return connectionError{codeFrameSize, "SETTINGS acknowledgement with a payload"}
	}
	if len(c.announced) == 0 {
		return nil
	}
	a := c.announced[0]
	c.announced = c.announced[1:]
	c.believed, c.settled = a.limit, true
	in := &c.inbound
	in.decoder.SetAllowedMaxDynamicTableSize(a.tableSize)
	if a.tableSize < in.chosen { // RFC 7541 §4.2: the next block has to begin with the new size
		in.shrunk = true
	}
	return nil
}

// leadingTableSize reads the table size updates at the beginning of a header
// block and returns the last of them. The decoder checks them; it does not tell.
func leadingTableSize(block []byte) (size uint32, ok bool) {
	for len(block) > 0 && block[0]&0xe0 == 0x20 {
		value, shift := uint64(block[0]&0x1f), 0
		block = block[1:]
		for more := value == 0x1f; more && len(block) > 0 && shift < 28; shift += 7 {
			value += uint64(block[0]&0x7f) << shift
			more = block[0]&0x80 != 0
			block = block[1:]
		}
		size, ok = uint32(value), true
	}
	return size, ok
}

func (c *connection) takeSetting(id uint16, value uint32) error {
	switch id {
	case settingHeaderTableSize:
		c.encoder.SetMaxDynamicTableSizeLimit(4096)
		c.encoder.SetMaxDynamicTableSize(min(value, 4096))
	case settingEnablePush:
		if value > 1 {
			return connectionError{codeProtocol, "ENABLE_PUSH must be 0 or 1"}
		}
	case settingInitialWindowSize:
		if value > maxWindow {
			return connectionError{codeFlowControl, "INITIAL_WINDOW_SIZE is too large"}
		}
		change := int64(value) - c.peerWindow
		c.peerWindow = int64(value)
		for _, st := range c.streams {
			st.window += change
		}
		c.unblock()
	case settingMaxFrameSize:
		if value < maxFrameSize || value > 1<<24-1 {
			return connectionError{codeProtocol, "MAX_FRAME_SIZE must be 16384 to 16777215"}
		}
		c.peerFrame = int(value)
	}
	return nil
}

func (c *connection) takeWindowUpdate(f frame) error {
	if len(f.payload) != 4 {
		return connectionError{codeFrameSize, "malformed WINDOW_UPDATE"}
	}
	credit := int64(binary.BigEndian.Uint32(f.payload) & maxWindow)
	if f.stream == 0 {
		c.sendWindow += credit
		if credit == 0 || c.sendWindow > maxWindow {
			return connectionError{codeFlowControl, "WINDOW_UPDATE of zero or beyond the limit"}
		}
		c.unblock()
		return nil
	}
	st := c.streams[f.stream]
	if st == nil {
		return nil // answered already
	}
	st.window += credit
	if credit == 0 || st.window > maxWindow {
		c.out = appendRST(c.out, st.id, codeFlowControl)
		c.forget(st)
		return nil
	}
	c.unblock()
	return nil
}
