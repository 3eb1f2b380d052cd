package apns

// maxRing bounds the ring of unanswered requests; streams that stay unanswered while this many younger ones come and go move
// to a map.
const maxRing = 1 << 13

// A pendingTable holds the requests that were written and not answered, by stream id. Stream ids are odd and rise one by one,
// so the place of a stream in the ring is its number modulo the ring's size. It is not safe for concurrent use.
type pendingTable struct {
	ring       []pendingSlot // length is a power of two
	stragglers map[uint32]pendingSlot
	count      int
}

type pendingSlot struct {
	stream uint32 // 0: free
	sentAt int64  // Unix nanoseconds
	request
}

func (p *pendingTable) put(slot pendingSlot) {
	if len(p.ring) == 0 {
		p.ring = make([]pendingSlot, 64)
	}
	place := &p.ring[int(slot.stream>>1)&(len(p.ring)-1)]
	for place.stream != 0 && len(p.ring) < maxRing {
		p.grow()
		place = &p.ring[int(slot.stream>>1)&(len(p.ring)-1)]
	}
	if place.stream != 0 {
		if p.stragglers == nil {
			p.stragglers = map[uint32]pendingSlot{}
		}
		p.stragglers[place.stream] = *place
	}
	*place = slot
	p.count++
}

// grow doubles the ring. Streams that shared no place before share none after.
func (p *pendingTable) grow() {
	old := p.ring
	p.ring = make([]pendingSlot, 2*len(old))
	for _, slot := range old {
		if slot.stream != 0 {
			p.ring[int(slot.stream>>1)&(len(p.ring)-1)] = slot
		}
	}
}

// take removes and returns the request of a stream. An unknown stream, answered, reset or never opened, gives false.
func (p *pendingTable) take(stream uint32) (pendingSlot, bool) {
	if len(p.ring) == 0 {
		return pendingSlot{}, false
	}
	place := &p.ring[int(stream>>1)&(len(p.ring)-1)]
	if place.stream == stream && stream != 0 {
		slot := *place
		*place = pendingSlot{}
		p.count--
		return slot, true
	}
	if slot, ok := p.stragglers[stream]; ok {
		delete(p.stragglers, stream)
		p.count--
		return slot, true
	}
	return pendingSlot{}, false
}

// has reports whether a stream is waiting for its answer.
func (p *pendingTable) has(stream uint32) bool {
	if len(p.ring) > 0 && stream != 0 && p.ring[int(stream>>1)&(len(p.ring)-1)].stream == stream {
		return true
	}
	_, ok := p.stragglers[stream]
	return ok
}

// takeIf removes the requests for which remove returns true and appends them to dst, in no particular order.
func (p *pendingTable) takeIf(dst []pendingSlot, remove func(*pendingSlot) bool) []pendingSlot {
	for i := range p.ring {
		place := &p.ring[i]
		if place.stream != 0 && remove(place) {
			dst = append(dst, *place)
			*place = pendingSlot{}
			p.count--
		}
	}
	for stream, slot := range p.stragglers {
		if remove(&slot) {
			dst = append(dst, slot)
			delete(p.stragglers, stream)
			p.count--
		}
	}
	return dst
}
