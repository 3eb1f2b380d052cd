package dispatch

import (
	"bytes"
	"context"
	"iter"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// resolveBatch is how many lines of a file are looked up at once.
const resolveBatch = 512

// selectFile resolves a file into devices: all that its aliases or registration
// ids have at this moment, on the message's platforms. A handful is frozen in
// the message's own job; more are stored with the message, block by block, and
// each block's job takes its own.
func (s *Service) selectFile(ctx context.Context, app aurora.App, fileID string, a *Accepted) error {
	f, err := s.file(ctx, app, fileID)
	if err != nil {
		return err
	}
	field := audience.Registration
	if f.Kind == AliasFile {
		field = audience.Alias
	}
	devices := roaring.New()
	for values, err := range batches(s.c.Files.ReadFile(ctx, f.ID)) {
		if err != nil {
			return err
		}
		if err := s.c.Registry.SelectValues(ctx, app.ID, field, values, devices); err != nil {
			return err
		}
	}
	listed := audience.Is(audience.List, a.Message.ID.String())
	a.Message.Audience = listed.String()
	if a.Message.Platforms != nil {
		if err := s.keep(ctx, app.ID, onPlatforms(audience.All(), a.Message.Platforms), devices); err != nil {
			return err
		}
	}
	if devices.GetCardinality() > handful {
		a.Selection, a.Blocks = devices, blocksOf(devices)
		return nil
	}
	a.Targets = devices
	if a.Message.HasBadge() {
		a.Reachable = devices.Clone()
		return s.keep(ctx, app.ID, reachable(audience.All(), &a.Message), a.Reachable)
	}
	return nil
}

// file returns a file of the app, or of its account.
func (s *Service) file(ctx context.Context, app aurora.App, id string) (File, error) {
	for _, owner := range []FileOwner{{app.AccountID, app.ID}, {app.AccountID, 0}} {
		list, err := s.c.Files.Files(ctx, owner)
		if err != nil {
			return File{}, err
		}
		for _, f := range list {
			if f.ID == id {
				return f, nil
			}
		}
	}
	return File{}, aurora.Errorf(aurora.Invalid, "audience.file.file_id: there is no file %.80q. It was deleted, has expired, or is another app's.", id)
}

// keep removes the devices that an expression does not select.
func (s *Service) keep(ctx context.Context, appID int64, e audience.Expr, devices *roaring.Bitmap) error {
	kept := roaring.New()
	for _, block := range blocksOf(devices) {
		numbers, err := s.c.Registry.SelectBlock(ctx, appID, e, block)
		if err != nil {
			return err
		}
		kept.Or(numbers)
	}
	devices.And(kept)
	return nil
}

// batches cuts parts of a file into lists of lines.
func batches(parts iter.Seq2[[]byte, error]) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		batch := make([]string, 0, resolveBatch)
		for part, err := range parts {
			if err != nil {
				yield(nil, err)
				return
			}
			for line := range bytes.Lines(part) {
				batch = append(batch, string(bytes.TrimSuffix(line, []byte("\n"))))
				if len(batch) < resolveBatch {
					continue
				}
				if !yield(batch, nil) {
					return
				}
				batch = batch[:0]
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}
