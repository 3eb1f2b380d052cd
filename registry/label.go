package registry

import (
	"context"
	"slices"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
)

// Labels are the look-ups behind aliases and tags.
type Labels interface {
	// DevicesByAlias returns up to limit devices with an alias, by number.
	DevicesByAlias(ctx context.Context, appID int64, alias string, limit int) ([]aurora.Device, error)
	// TagNames returns up to limit tags that devices of the app carry, sorted.
	TagNames(ctx context.Context, appID int64, limit int) ([]string, error)
	// ChangeDevices applies change to several devices in one transaction. An
	// error from change abandons it all.
	ChangeDevices(ctx context.Context, appID int64, numbers []uint32, change func(*aurora.Device) error) error
}

const (
	// maxAliasDevices is how many devices may share an alias (spec/rest-api.md §9.1).
	maxAliasDevices = 10
	// maxTagNames is how many tags a listing shows (spec/rest-api.md §9.6).
	maxTagNames = 100
	// changeBatch is how many devices one transaction changes: long ones would
	// keep every other writer waiting.
	changeBatch = 256
)

// checkAlias refuses an alias that the most devices allowed already share. Two
// devices that take the last place at the same moment may both get it.
func (s *Service) checkAlias(ctx context.Context, appID int64, number uint32, alias string) error {
	holders, err := s.store.DevicesByAlias(ctx, appID, alias, maxAliasDevices+1)
	if err != nil {
		return err
	}
	others := 0
	for _, d := range holders {
		if d.Number == number {
			return nil
		}
		others++
	}
	if others >= maxAliasDevices {
		return aurora.Errorf(aurora.Full, "The alias is already bound to %d devices, the most that may share one. Remove it from a device that is no longer used.", maxAliasDevices)
	}
	return nil
}

// AliasDevices returns the devices with an alias on the given platforms; none
// given means all. At most maxAliasDevices are returned.
func (s *Service) AliasDevices(ctx context.Context, appID int64, alias string, platforms []aurora.Platform) ([]aurora.Device, error) {
	found, err := s.store.DevicesByAlias(ctx, appID, alias, maxAliasDevices+1)
	found = onPlatforms(found, platforms)
	return found[:min(len(found), maxAliasDevices)], err
}

func onPlatforms(devices []aurora.Device, platforms []aurora.Platform) []aurora.Device {
	if len(platforms) == 0 {
		return devices
	}
	return slices.DeleteFunc(devices, func(d aurora.Device) bool { return !slices.Contains(platforms, d.Platform) })
}

// DropAlias removes an alias from all its devices on the given platforms.
func (s *Service) DropAlias(ctx context.Context, appID int64, alias string, platforms []aurora.Platform) error {
	if err := aurora.Require(ctx, aurora.DevicesRight); err != nil {
		return err
	}
	for {
		found, err := s.store.DevicesByAlias(ctx, appID, alias, changeBatch)
		if err != nil {
			return err
		}
		found = onPlatforms(found, platforms)
		if len(found) == 0 {
			s.hint(appID)
			return nil
		}
		if err := s.store.ChangeDevices(ctx, appID, numbersOf(found), clearAlias(alias)); err != nil {
			return err
		}
	}
}

// clearAlias removes the alias where it is still that one.
func clearAlias(alias string) func(*aurora.Device) error {
	return func(d *aurora.Device) error {
		if d.Alias == alias {
			d.Alias = ""
		}
		return nil
	}
}

// RemoveFromAlias takes an alias from the named devices.
func (s *Service) RemoveFromAlias(ctx context.Context, appID int64, alias string, registrationIDs []string) error {
	if err := aurora.Require(ctx, aurora.DevicesRight); err != nil {
		return err
	}
	numbers, err := s.resolve(ctx, appID, registrationIDs)
	if err != nil {
		return err
	}
	return s.change(ctx, appID, numbers, clearAlias(alias))
}

// Tags returns the app's tags that a device carries, sorted; at most
// maxTagNames.
func (s *Service) Tags(ctx context.Context, appID int64) ([]string, error) {
	names, err := s.store.TagNames(ctx, appID, 2*maxTagNames) // some may have lost their last device
	if err != nil {
		return nil, err
	}
	blocks, err := s.store.Blocks(ctx, appID)
	if err != nil {
		return nil, err
	}
	carried, open := map[string]bool{}, names
	for block := uint32(0); block < blocks && len(open) > 0; block++ {
		terms := make([]audience.Term, len(open))
		for i, name := range open {
			terms[i] = audience.Term{Field: audience.Tag, Value: name}
		}
		b, err := s.store.LoadBlock(ctx, appID, block, terms)
		if err != nil {
			return nil, err
		}
		var rest []string
		for i, name := range open {
			if b.Terms[terms[i]].IsEmpty() {
				rest = append(rest, name)
			} else {
				carried[name] = true
			}
		}
		open = rest
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !carried[name] })
	return names[:min(len(names), maxTagNames)], nil
}

// ChangeTag removes a tag from devices and adds it to others. If any id is not
// the app's it changes nothing and returns an *UnknownDevices.
func (s *Service) ChangeTag(ctx context.Context, appID int64, tag string, add, remove []string) error {
	if err := aurora.Require(ctx, aurora.DevicesRight); err != nil {
		return err
	}
	if err := aurora.ValidateTag("tag", tag); err != nil {
		return err
	}
	numbers, err := s.resolve(ctx, appID, slices.Concat(remove, add))
	if err != nil {
		return err
	}
	// One transaction, although it may be a long one: a refusal for one device
	// must find the others unchanged.
	adds := map[uint32]bool{}
	for _, n := range numbers[len(remove):] {
		adds[n] = true
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	one := Change{AddTags: []string{tag}}
	if err := s.store.ChangeDevices(ctx, appID, numbers, func(d *aurora.Device) error {
		if adds[d.Number] { // also if it is in both lists: removal comes first
			return one.apply(d, d.SeenAt)
		}
		d.Tags = slices.DeleteFunc(d.Tags, func(t string) bool { return t == tag })
		return nil
	}); err != nil {
		return err
	}
	s.hint(appID)
	return nil
}

// DropTag removes a tag from all devices of the given platforms.
func (s *Service) DropTag(ctx context.Context, appID int64, tag string, platforms []aurora.Platform) error {
	if err := aurora.Require(ctx, aurora.DevicesRight); err != nil {
		return err
	}
	e := audience.Is(audience.Tag, tag)
	if len(platforms) > 0 {
		names := make([]string, len(platforms))
		for i, p := range platforms {
			names[i] = string(p)
		}
		e = audience.And(e, audience.AnyOf(audience.Platform, names))
	}
	blocks, err := s.store.Blocks(ctx, appID)
	if err != nil {
		return err
	}
	for block := range blocks {
		tagged, err := s.SelectBlock(ctx, appID, e, block)
		if err != nil {
			return err
		}
		if err := s.change(ctx, appID, tagged.ToArray(), func(d *aurora.Device) error {
			d.Tags = slices.DeleteFunc(d.Tags, func(t string) bool { return t == tag })
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// change applies a change to many devices, in transactions of bounded length.
func (s *Service) change(ctx context.Context, appID int64, numbers []uint32, change func(*aurora.Device) error) error {
	for batch := range slices.Chunk(numbers, changeBatch) {
		if err := s.store.ChangeDevices(ctx, appID, batch, change); err != nil {
			return err
		}
	}
	s.hint(appID)
	return nil
}

// UnknownDevices is the refusal of registration ids that are not the app's.
type UnknownDevices struct{ IDs []string }

func (*UnknownDevices) Error() string {
	return "Some registration ids are malformed or not this app's; nothing was changed. They are listed in illegal_rids."
}

// resolve returns the numbers of devices in the order of their ids.
func (s *Service) resolve(ctx context.Context, appID int64, ids []string) ([]uint32, error) {
	numbers := make([]uint32, len(ids))
	var unknown []string
	for i, id := range ids {
		d, err := s.Device(ctx, appID, id)
		switch {
		case aurora.KindOf(err) == aurora.NotFound:
			unknown = append(unknown, id)
		case err != nil:
			return nil, err
		}
		numbers[i] = d.Number
	}
	if unknown != nil {
		return nil, &UnknownDevices{unknown}
	}
	return numbers, nil
}

func numbersOf(devices []aurora.Device) []uint32 {
	numbers := make([]uint32, len(devices))
	for i, d := range devices {
		numbers[i] = d.Number
	}
	return numbers
}
