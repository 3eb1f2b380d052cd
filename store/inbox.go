package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/inbox"
)

const (
	// inboxDepth is how many messages of its own, and how many of its block,
	// are looked through for a device: the newest.
	inboxDepth = 100
	// expireBatch is how many entries one transaction gives up.
	expireBatch = 500
)

// blockPlace is the place of what waits for devices of a block.
func blockPlace(block uint32) int64 { return -1 - int64(block) }

// Inbox returns what waits for a device, newest first.
func (s *Store) Inbox(ctx context.Context, appID int64, number uint32, skip map[int64]bool) (waiting []inbox.Waiting, clear []int64, err error) {
	now := millis(time.Now())
	entries, err := s.inboxPage(ctx, appID, int64(number), now, math.MaxInt64)
	if err != nil {
		return nil, nil, err
	}
	entries = slices.DeleteFunc(entries, func(e inboxEntry) bool { return skip[e.seq] })
	// Of the block's entries those of other devices count for nothing, however
	// many there are: a page of them must not hide what waits behind it.
	block, shared := audience.BlockOf(number), 0
	for below := int64(math.MaxInt64); shared < inboxDepth; {
		page, err := s.inboxPage(ctx, appID, blockPlace(block), now, below)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range page {
			below = int64(e.id)
			if skip[e.seq] {
				continue
			}
			b, err := loadBitmap(s.row(ctx, "SELECT bitmap FROM mark WHERE message_id = $1 AND block = $2 AND mark = $3", int64(e.id), block, string(aurora.InAppWaiting)))
			if err != nil {
				return nil, nil, err
			}
			if !b.Contains(number) {
				clear = append(clear, e.seq)
				continue
			}
			e.shared = e.seq
			entries = append(entries, e)
			shared++
		}
		if len(page) < inboxDepth {
			break
		}
	}
	slices.SortFunc(entries, func(a, b inboxEntry) int { return cmp.Compare(b.id, a.id) })
	for _, e := range entries {
		w := inbox.Waiting{Shared: e.shared}
		if w.Message, err = s.Message(ctx, e.id); err != nil {
			return nil, nil, err
		}
		waiting = append(waiting, w)
	}
	return waiting, clear, nil
}

// inboxEntry is a message that waits for one device, or for some of a block.
type inboxEntry struct {
	seq    int64
	id     aurora.MessageID
	shared int64 // its seq if it is a block's
}

// inboxPage returns up to inboxDepth entries of a device or a block below a
// message, newest first.
func (s *Store) inboxPage(ctx context.Context, appID, place, now, below int64) (page []inboxEntry, err error) {
	err = s.rows(ctx, func(row scanner) error {
		var e inboxEntry
		err := row.Scan(&e.seq, &e.id)
		page = append(page, e)
		return err
	}, "SELECT seq, message_id FROM inbox WHERE app_id = $1 AND place = $2 AND expires_at > $3 AND message_id < $4 ORDER BY message_id DESC LIMIT $5", appID, place, now, below, inboxDepth)
	return page, err
}

// byPlatform are devices by their platform.
type byPlatform map[aurora.Platform]*roaring.Bitmap

func (b byPlatform) all() *roaring.Bitmap {
	all := roaring.New()
	for _, numbers := range b {
		all.Or(numbers)
	}
	return all
}

// targeted returns the marks of devices that an in-app message is for.
func (b byPlatform) targeted() map[aurora.Mark]*roaring.Bitmap {
	marks := map[aurora.Mark]*roaring.Bitmap{}
	for p, numbers := range b {
		marks[aurora.InApp(p, aurora.Targeted)] = numbers
	}
	return marks
}

// notified returns those of a push's devices that its notification is for.
func (b byPlatform) notified(c *aurora.Content) *roaring.Bitmap {
	targets := roaring.New()
	for p, numbers := range b {
		if c.NotifiesOn(p) {
			targets.Or(numbers)
		}
	}
	return targets
}

// enqueue makes the in-app message of m, which is marked as targeted, wait for
// devices: a row for each if they are few (block is -1), else one for the
// block. What has stopped or replaced it meanwhile is heeded.
func enqueue(t *tx, m *aurora.Message, devices byPlatform, block int64) error {
	all := devices.all()
	if all.IsEmpty() {
		return nil
	}
	if err := t.gate("waiting", m.ID); err != nil { // who stops or replaces it must not miss them
		return err
	}
	var stopped, replacedBy int64
	if err := t.row("SELECT stopped_at, replaced_by FROM message WHERE id = $1", int64(m.ID)).Scan(&stopped, &replacedBy); err != nil {
		return err
	}
	reason := ""
	switch {
	case stopped != 0:
		reason = aurora.ReasonStopped
	case replacedBy != 0:
		reason = aurora.ReasonReplaced
	case !m.InAppExpiresAt().After(t.now):
		reason = aurora.ReasonNotConnected
	}
	switch {
	case reason != "":
		if err := addMarks(t, m.ID, map[aurora.Mark]*roaring.Bitmap{aurora.InAppFailed(reason): all}); err != nil || replacedBy == 0 {
			return err
		}
		return enqueueInstead(t, aurora.MessageID(replacedBy), devices, block)
	case block < 0:
		for it := all.Iterator(); it.HasNext(); {
			if err := addEntry(t, m, int64(it.Next())); err != nil {
				return err
			}
		}
		return nil
	}
	return wait(t, m, uint32(block), all)
}

// enqueueInstead makes a message wait for the devices of one that it replaced.
func enqueueInstead(t *tx, id aurora.MessageID, devices byPlatform, block int64) error {
	m, err := scanMessage(t.row("SELECT "+messageColumns+" FROM message WHERE id = $1", int64(id)))
	if err != nil || m.Content.InApp == nil {
		return err
	}
	if err := addMarks(t, id, devices.targeted()); err != nil {
		return err
	}
	return enqueue(t, &m, devices, block)
}

// addEntry makes a message wait for one device. Of those that wait for it the
// oldest go when there are too many.
func addEntry(t *tx, m *aurora.Message, number int64) error {
	if _, err := t.exec("INSERT INTO inbox (app_id, place, message_id, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT (app_id, place, message_id) DO NOTHING",
		m.AppID, number, int64(m.ID), millis(m.InAppExpiresAt())); err != nil {
		return err
	}
	var over int64
	err := t.row("SELECT message_id FROM inbox WHERE app_id = $1 AND place = $2 ORDER BY message_id DESC LIMIT 1 OFFSET $3", m.AppID, number, inboxDepth).Scan(&over)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return dropEntry(t, m.AppID, uint32(number), aurora.MessageID(over), aurora.ReasonOverflow)
}

// wait makes a message wait for devices of a block that have not received it.
func wait(t *tx, m *aurora.Message, block uint32, numbers *roaring.Bitmap) error {
	waiting, err := loadMark(t, m.ID, block, aurora.InAppWaiting)
	if err != nil {
		return err
	}
	waiting.Or(numbers)
	for _, p := range aurora.Platforms {
		received, err := loadMark(t, m.ID, block, aurora.InApp(p, aurora.Received))
		if err != nil {
			return err
		}
		waiting.AndNot(received)
	}
	if waiting.IsEmpty() {
		return nil
	}
	if err := putMark(t, m.ID, block, aurora.InAppWaiting, waiting); err != nil {
		return err
	}
	// Anew, with a number of its own: who has looked through the old one must
	// look again.
	if _, err := t.exec("DELETE FROM inbox WHERE app_id = $1 AND place = $2 AND message_id = $3", m.AppID, blockPlace(block), int64(m.ID)); err != nil {
		return err
	}
	_, err = t.exec("INSERT INTO inbox (app_id, place, message_id, expires_at) VALUES ($1, $2, $3, $4)", m.AppID, blockPlace(block), int64(m.ID), millis(m.InAppExpiresAt()))
	return err
}

// settleInbox ends the waiting of devices that received a message or will not
// get it.
func settleInbox(t *tx, appID int64, id aurora.MessageID, block uint32, numbers *roaring.Bitmap) error {
	waiting, err := loadMark(t, id, block, aurora.InAppWaiting)
	if err != nil {
		return err
	}
	for it := roaring.AndNot(numbers, waiting).Iterator(); it.HasNext(); { // they have rows of their own
		if _, err := t.exec("DELETE FROM inbox WHERE app_id = $1 AND place = $2 AND message_id = $3", appID, int64(it.Next()), int64(id)); err != nil {
			return err
		}
	}
	if !waiting.Intersects(numbers) {
		return nil
	}
	if waiting.AndNot(numbers); waiting.IsEmpty() {
		return closeBlock(t, appID, id, block)
	}
	return putMark(t, id, block, aurora.InAppWaiting, waiting)
}

func closeBlock(t *tx, appID int64, id aurora.MessageID, block uint32) error {
	if _, err := t.exec("DELETE FROM mark WHERE message_id = $1 AND block = $2 AND mark = $3", int64(id), block, string(aurora.InAppWaiting)); err != nil {
		return err
	}
	_, err := t.exec("DELETE FROM inbox WHERE app_id = $1 AND place = $2 AND message_id = $3", appID, blockPlace(block), int64(id))
	return err
}

// dropEntry gives a message up for one device, if it waits for it.
func dropEntry(t *tx, appID int64, number uint32, id aurora.MessageID, reason string) error {
	one := roaring.BitmapOf(number)
	changed, err := t.exec("DELETE FROM inbox WHERE app_id = $1 AND place = $2 AND message_id = $3", appID, int64(number), int64(id))
	if err != nil {
		return err
	}
	if changed == 0 {
		block := audience.BlockOf(number)
		waiting, err := loadMark(t, id, block, aurora.InAppWaiting)
		if err != nil || !waiting.Contains(number) {
			return err
		}
		if err := settleInbox(t, appID, id, block, one); err != nil {
			return err
		}
	}
	return addMarks(t, id, map[aurora.Mark]*roaring.Bitmap{aurora.InAppFailed(reason): one})
}

// DropInbox gives messages up for a device.
func (s *Store) DropInbox(ctx context.Context, appID int64, number uint32, ids []aurora.MessageID, reason string) error {
	return s.write(ctx, func(t *tx) error {
		for _, id := range ids {
			if err := dropEntry(t, appID, number, id, reason); err != nil {
				return err
			}
		}
		return nil
	})
}

// MarkHanded notes which devices were handed which messages.
func (s *Store) MarkHanded(ctx context.Context, handed map[inbox.Handed]*roaring.Bitmap) error {
	return s.write(ctx, func(t *tx) error {
		for h, numbers := range handed {
			mark := aurora.InApp(h.Platform, aurora.Accepted)
			fresh, err := without(t, h.MessageID, mark, numbers)
			if err != nil {
				return err
			}
			if err := addMarks(t, h.MessageID, map[aurora.Mark]*roaring.Bitmap{mark: fresh}); err != nil {
				return err
			}
		}
		return nil
	})
}

// without returns the devices that do not have a mark yet: notes only grow.
func without(t *tx, id aurora.MessageID, mark aurora.Mark, numbers *roaring.Bitmap) (*roaring.Bitmap, error) {
	var text string
	err := t.row("SELECT notes FROM message WHERE id = $1", int64(id)).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return roaring.New(), nil
	}
	if err != nil || text == "" {
		return numbers, err
	}
	notes, err := parseNotes(text)
	return roaring.AndNot(numbers, noted(notes, mark)), err
}

// giveUp ends the waiting for a message everywhere, with the reason, and
// returns the devices it waited for by place: blocks, or single ones at -1.
func giveUp(t *tx, appID int64, id aurora.MessageID, reason string) (map[int64]*roaring.Bitmap, error) {
	places := map[int64]*roaring.Bitmap{}
	var all []int64
	if err := t.rows(func(row scanner) error {
		var place int64
		err := row.Scan(&place)
		all = append(all, place)
		return err
	}, "SELECT place FROM inbox WHERE message_id = $1", int64(id)); err != nil {
		return nil, err
	}
	for _, place := range all {
		if place < 0 {
			block := uint32(-1 - place)
			waiting, err := loadMark(t, id, block, aurora.InAppWaiting)
			if err != nil {
				return nil, err
			}
			places[int64(block)] = waiting
			if err := closeBlock(t, appID, id, block); err != nil {
				return nil, err
			}
			continue
		}
		if places[-1] == nil {
			places[-1] = roaring.New()
		}
		places[-1].Add(uint32(place))
	}
	if _, err := t.exec("DELETE FROM inbox WHERE message_id = $1", int64(id)); err != nil {
		return nil, err
	}
	for _, numbers := range places {
		if err := addMarks(t, id, map[aurora.Mark]*roaring.Bitmap{aurora.InAppFailed(reason): numbers}); err != nil {
			return nil, err
		}
	}
	return places, nil
}

// override makes m wait in the place of the message it overrides.
func override(t *tx, m *aurora.Message) error {
	old := m.Options.OverrideID
	if _, err := t.exec("UPDATE message SET replaced_by = $2 WHERE id = $1", int64(old), int64(m.ID)); err != nil {
		return err
	}
	if err := t.gate("waiting", old); err != nil {
		return err
	}
	places, err := giveUp(t, m.AppID, old, aurora.ReasonReplaced)
	if err != nil || m.Content.InApp == nil {
		return err
	}
	for block, numbers := range places {
		devices, err := platformsOf(t, old, block, numbers, m.AppID)
		if err != nil {
			return err
		}
		if err := addMarks(t, m.ID, devices.targeted()); err != nil {
			return err
		}
		if err := enqueue(t, m, devices, block); err != nil {
			return err
		}
	}
	return nil
}

// platformsOf splits the devices a message waited for by platform.
func platformsOf(t *tx, id aurora.MessageID, block int64, numbers *roaring.Bitmap, appID int64) (byPlatform, error) {
	if block < 0 {
		return splitByPlatform(t, appID, numbers)
	}
	devices := byPlatform{}
	for _, p := range aurora.Platforms {
		targeted, err := loadMark(t, id, uint32(block), aurora.InApp(p, aurora.Targeted))
		if err != nil {
			return nil, err
		}
		if targeted.And(numbers); !targeted.IsEmpty() {
			devices[p] = targeted
		}
	}
	return devices, nil
}

// splitByPlatform reads the platforms of a few devices.
func splitByPlatform(t *tx, appID int64, numbers *roaring.Bitmap) (byPlatform, error) {
	devices := byPlatform{}
	for it := numbers.Iterator(); it.HasNext(); {
		n := it.Next()
		var platform string
		if err := t.row("SELECT platform FROM device WHERE app_id = $1 AND number = $2", appID, n).Scan(&platform); err != nil {
			return nil, err
		}
		p := aurora.Platform(platform)
		if devices[p] == nil {
			devices[p] = roaring.New()
		}
		devices[p].Add(n)
	}
	return devices, nil
}

// ExpireInbox gives up some of what was not fetched in time.
func (s *Store) ExpireInbox(ctx context.Context, reason string) (more bool, err error) {
	type entry struct {
		app, place int64
		id         aurora.MessageID
	}
	var entries []entry
	err = s.rows(ctx, func(row scanner) error {
		var e entry
		err := row.Scan(&e.app, &e.place, &e.id)
		entries = append(entries, e)
		return err
	}, "SELECT app_id, place, message_id FROM inbox WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2", millis(time.Now()), expireBatch)
	if err != nil || len(entries) == 0 { // having nothing to do costs a read
		return false, err
	}
	err = s.write(ctx, func(t *tx) error {
		for _, e := range entries {
			if e.place >= 0 {
				if err := dropEntry(t, e.app, uint32(e.place), e.id, reason); err != nil {
					return err
				}
				continue
			}
			block := uint32(-1 - e.place)
			waiting, err := loadMark(t, e.id, block, aurora.InAppWaiting)
			if err != nil {
				return err
			}
			if err := addMarks(t, e.id, map[aurora.Mark]*roaring.Bitmap{aurora.InAppFailed(reason): waiting}); err != nil {
				return err
			}
			if err := closeBlock(t, e.app, e.id, block); err != nil {
				return err
			}
		}
		return nil
	})
	return len(entries) == expireBatch, err
}

// Arrivals returns what began to wait after an entry, in order.
func (s *Store) Arrivals(ctx context.Context, after int64, limit int) (list []inbox.Arrival, latest int64, err error) {
	err = s.row(ctx, "SELECT COALESCE(MAX(seq), 0) FROM inbox").Scan(&latest)
	if err != nil || limit == 0 || latest <= after {
		return nil, max(latest, after), err
	}
	err = s.rows(ctx, func(row scanner) error {
		var a inbox.Arrival
		var place int64
		if err := row.Scan(&a.Seq, &a.AppID, &place); err != nil {
			return err
		}
		if a.Shared = place < 0; a.Shared {
			a.Block = uint32(-1 - place)
		} else {
			a.Number = uint32(place)
		}
		list = append(list, a)
		return nil
	}, "SELECT seq, app_id, place FROM inbox WHERE seq > $1 ORDER BY seq LIMIT $2", after, limit)
	return list, latest, err
}
