package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// Labels reads and changes what servers say of devices.
type Labels interface {
	Device(ctx context.Context, appID int64, registrationID string) (aurora.Device, error)
	AliasDevices(ctx context.Context, appID int64, alias string, platforms []aurora.Platform) ([]aurora.Device, error)
	DropAlias(ctx context.Context, appID int64, alias string, platforms []aurora.Platform) error
	RemoveFromAlias(ctx context.Context, appID int64, alias string, registrationIDs []string) error
	TagLabels
}

// TagLabels are the operations on tags.
type TagLabels interface {
	Tags(ctx context.Context, appID int64) ([]string, error)
	// ChangeTag returns *registry.UnknownDevices, and changes nothing, if an id is not the app's.
	ChangeTag(ctx context.Context, appID int64, tag string, add, remove []string) error
	DropTag(ctx context.Context, appID int64, tag string, platforms []aurora.Platform) error
}

// namedDevice returns the app's device that the path names.
func (s *server) namedDevice(r *http.Request, app aurora.App) (aurora.Device, error) {
	id := r.PathValue("id")
	if err := aurora.ValidateRegistrationID(id); err != nil {
		return aurora.Device{}, err
	}
	return s.Labels.Device(r.Context(), app.ID, id)
}

// labelAnswer has exactly three members unless more is asked for: suites of official clients count them.
type labelAnswer struct {
	Tags   []string `json:"tags"`
	Alias  *string  `json:"alias"`
	Mobile *string  `json:"mobile"`
	// Tokens is Aurora's own, and there only for who asks for it.
	Tokens []tokenAnswer `json:"tokens,omitzero"`
}

// deviceLabels is GET /v3/devices/{id}.
func (s *server) deviceLabels(r *http.Request, app aurora.App) (any, error) {
	d, err := s.namedDevice(r, app)
	a := labelAnswer{Tags: append([]string{}, d.Tags...)}
	if d.Alias != "" {
		a.Alias = &d.Alias
	}
	if d.Mobile != "" {
		a.Mobile = &d.Mobile
	}
	if err != nil {
		return a, err
	}
	switch r.URL.Query().Get("tokens") {
	case "", "false":
	case "true":
		a.Tokens, err = s.tokensOf(r.Context(), d)
	default:
		err = aurora.Errorf(aurora.Invalid, "tokens must be true or false.")
	}
	return a, err
}

// changeLabels is POST /v3/devices/{id}: tags, alias and mobile of one device.
func (s *server) changeLabels(r *http.Request, app aurora.App) (any, error) {
	d, err := s.namedDevice(r, app)
	if err != nil {
		return nil, err
	}
	o, err := deviceBody(r)
	if err != nil {
		return nil, err
	}
	c, err := decodeLabels(o)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Devices.Apply(r.Context(), app.ID, d.Number, c)
}

// maxTagBytes is how long the tags that one call adds or removes may be together.
const maxTagBytes = 1000

func decodeLabels(o object) (c registry.Change, err error) {
	if string(o.raw("tags")) == `""` { // clears all
		c.SetTags = &[]string{}
	} else if tags, ok, err := o.object("tags"); err != nil {
		return c, err
	} else if ok {
		if c.AddTags, _, err = tags.texts("add"); err != nil {
			return c, err
		}
		if c.RemoveTags, _, err = tags.texts("remove"); err != nil {
			return c, err
		}
		if len(strings.Join(c.AddTags, "")) > maxTagBytes || len(strings.Join(c.RemoveTags, "")) > maxTagBytes {
			return c, aurora.Errorf(aurora.Invalid, "The tags added or removed by one call may have %d bytes together.", maxTagBytes)
		}
	}
	if alias, ok, err := o.text("alias"); err != nil {
		return c, err
	} else if ok {
		c.Alias = &alias
	}
	if mobile, ok, err := o.text("mobile"); err != nil {
		return c, err
	} else if ok {
		c.Mobile = &mobile
	}
	return c, nil
}

// onlineFor is how long after its last contact a device counts as online, and
// forgottenAfter when its last contact is not told any more (spec/rest-api.md §9.4).
const (
	onlineFor      = 10 * time.Minute
	forgottenAfter = 48 * time.Hour
)

type statusItem struct {
	Online   *bool  `json:"online,omitempty"`
	LastSeen string `json:"last_online_time,omitempty"`
}

// deviceStatus is POST /v3/devices/status; an unknown id has an empty item.
func (s *server) deviceStatus(r *http.Request, app aurora.App) (any, error) {
	o, err := deviceBody(r)
	if err != nil {
		return nil, err
	}
	ids, err := registrationIDs(o, "registration_ids", 1)
	if err != nil {
		return nil, err
	}
	answer := make(map[string]statusItem, len(ids))
	for _, id := range ids {
		d, err := s.Labels.Device(r.Context(), app.ID, id)
		if aurora.KindOf(err) == aurora.NotFound {
			answer[id] = statusItem{}
			continue
		}
		if err != nil {
			return nil, err
		}
		answer[id] = statusOf(d, time.Now())
	}
	return answer, nil
}

func statusOf(d aurora.Device, now time.Time) statusItem {
	online := now.Sub(d.SeenAt) < onlineFor
	item := statusItem{Online: &online}
	if !online && now.Sub(d.SeenAt) < forgottenAfter {
		item.LastSeen = d.SeenAt.In(chinaTime).Format(time.DateTime)
	}
	return item
}

// chinaTime is the zone of JPush's timestamps (spec/rest-api.md §4).
var chinaTime = registry.Zone

// maxIDs is how many registration ids one list may have.
const maxIDs = 1000

// maxIDLength is longer than any registration id, in bytes.
const maxIDLength = 64

// registrationIDs reads a list of ids of which at least some number is required.
func registrationIDs(o object, key string, least int) ([]string, error) {
	ids, _, err := o.texts(key)
	if err != nil {
		return nil, err
	}
	if len(ids) < least || len(ids) > maxIDs {
		return nil, aurora.Errorf(aurora.Invalid, "%s must have %d to %d registration ids.", o.name(key), least, maxIDs)
	}
	for _, id := range ids { // they may be unknown, and are repeated in the answer
		if len(id) > maxIDLength {
			return nil, aurora.Errorf(aurora.Invalid, "%s has a member of %d bytes, which no registration id has.", o.name(key), len(id))
		}
	}
	return ids, nil
}

// platformsOf reads the query's comma list of platforms; none means all.
func platformsOf(r *http.Request) (list []aurora.Platform, err error) {
	for name := range strings.SplitSeq(r.URL.Query().Get("platform"), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		list = append(list, aurora.Platform(name))
	}
	return list, aurora.ValidatePlatforms(list)
}

// aliasItem is a device in the newer form of an alias's list.
type aliasItem struct {
	RegistrationID string `json:"registration_id"`
	Platform       string `json:"platform"`
	LastOnline     string `json:"last_online_date"`
}

// alias is GET /v3/aliases/{alias}; an unknown one has an empty list.
func (s *server) alias(r *http.Request, app aurora.App) (any, error) {
	platforms, err := platformsOf(r)
	if err != nil {
		return nil, err
	}
	format := r.URL.Query().Get("new_format")
	if format != "" && format != "true" && format != "false" {
		return nil, aurora.Errorf(aurora.Invalid, "new_format must be true or false.")
	}
	devices, err := s.Labels.AliasDevices(r.Context(), app.ID, r.PathValue("alias"), platforms)
	if err != nil {
		return nil, err
	}
	ids, items := []string{}, []aliasItem{}
	for _, d := range devices {
		ids = append(ids, d.RegistrationID)
		items = append(items, aliasItem{d.RegistrationID, string(d.Platform), d.SeenAt.In(chinaTime).Format(time.DateOnly)})
	}
	if format == "true" {
		return struct {
			Data []aliasItem `json:"data"`
		}{items}, nil
	}
	return struct {
		IDs []string `json:"registration_ids"`
	}{ids}, nil
}

// dropAlias is DELETE /v3/aliases/{alias}; an unknown one is no error.
func (s *server) dropAlias(r *http.Request, app aurora.App) (any, error) {
	platforms, err := platformsOf(r)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Labels.DropAlias(r.Context(), app.ID, r.PathValue("alias"), platforms)
}

// changeAlias is POST /v3/aliases/{alias}: takes the alias from devices.
func (s *server) changeAlias(r *http.Request, app aurora.App) (any, error) {
	_, remove, err := labelLists(r)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Labels.RemoveFromAlias(r.Context(), app.ID, r.PathValue("alias"), remove)
}

// labelLists reads {"registration_ids":{"add":[…],"remove":[…]}}.
func labelLists(r *http.Request) (add, remove []string, err error) {
	o, err := deviceBody(r)
	if err != nil {
		return nil, nil, err
	}
	lists, _, err := o.object("registration_ids")
	if err != nil {
		return nil, nil, err
	}
	if add, err = registrationIDs(lists, "add", 0); err != nil {
		return nil, nil, err
	}
	if remove, err = registrationIDs(lists, "remove", 0); err != nil {
		return nil, nil, err
	}
	if len(add)+len(remove) == 0 {
		return nil, nil, aurora.Errorf(aurora.Missing, "registration_ids names no device. Give it \"add\" or \"remove\" with a list.")
	}
	return add, remove, nil
}

// tags is GET /v3/tags: up to 100 of the app's tags.
func (s *server) tags(r *http.Request, app aurora.App) (any, error) {
	names, err := s.Labels.Tags(r.Context(), app.ID)
	return struct {
		Tags []string `json:"tags"`
	}{append([]string{}, names...)}, err
}

// hasTag is GET /v3/tags/{tag}/registration_ids/{id}.
func (s *server) hasTag(r *http.Request, app aurora.App) (any, error) {
	d, err := s.namedDevice(r, app)
	has := false
	for _, tag := range d.Tags {
		has = has || tag == r.PathValue("tag")
	}
	return struct {
		Result bool `json:"result"`
	}{has}, err
}

// changeTag is POST /v3/tags/{tag}: puts the tag on devices and takes it from others.
func (s *server) changeTag(r *http.Request, app aurora.App) (any, error) {
	add, remove, err := labelLists(r)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Labels.ChangeTag(r.Context(), app.ID, r.PathValue("tag"), add, remove)
}

// dropTag is DELETE /v3/tags/{tag}; an unknown one is no error.
func (s *server) dropTag(r *http.Request, app aurora.App) (any, error) {
	platforms, err := platformsOf(r)
	if err != nil {
		return nil, err
	}
	return empty{}, s.Labels.DropTag(r.Context(), app.ID, r.PathValue("tag"), platforms)
}
