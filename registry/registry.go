// Package registry knows the devices of each app: it registers them, moves a
// token to its newest registration, keeps tags and alias, retires dead tokens,
// and answers which devices an audience selects.
package registry

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/aurora-push/aurora"
)

// ErrNone is what a store returns when there is no such device.
var ErrNone = errors.New("registry: none")

// Stored is a device with what the store keeps for its proof of identity.
type Stored struct {
	aurora.Device
	InstallID  string // chosen by the SDK before its first request
	SecretHash []byte // 128 bits of the SHA-256 of the SDK's secret
}

// Devices stores devices. Each write also appends the index changes that
// follow from it, in the same transaction.
type Devices interface {
	// RegisterDevice stores a new device under the next free number of its app.
	// If the app already has the install id it changes nothing and returns what
	// is stored. An imported device that no installation has yet and that has the
	// token becomes this installation's, and is returned.
	RegisterDevice(ctx context.Context, d Stored) (Stored, error)
	// ChangeDevice applies change to the stored device and writes the result.
	// Another device of the app that holds the resulting token loses it. An
	// error from change abandons the transaction and is returned.
	ChangeDevice(ctx context.Context, appID int64, number uint32, change func(*aurora.Device) error) error
	// DevicesByRegistration returns the devices with a registration id, one for
	// each app that has it.
	DevicesByRegistration(ctx context.Context, registrationID string) ([]Stored, error)
	// FindDevices returns devices in descending number below q.Before.
	FindDevices(ctx context.Context, appID int64, q Query) ([]aurora.Device, error)
	// RegistrationIDs returns the ids of devices by ascending number.
	RegistrationIDs(ctx context.Context, appID int64, numbers *roaring.Bitmap) ([]string, error)
}

// Query selects devices to list.
type Query struct {
	Text   string // a registration id, alias, tag, or the first digits of a token; "" lists all
	Limit  int    // 1 to 1000
	Before int64  // device number to continue below; 0 starts at the newest
}

// Store keeps everything a Service needs.
type Store interface {
	Devices
	Index
	Labels
	TestDevices
	Presence
	Statistics
	Tokens
	Segments
	Imports
	Exports
	Quarantine
}

// Service answers for devices.
type Service struct {
	store    Store
	logger   *slog.Logger
	hint     func(appID int64) // tells watchers that devices of an app changed
	record   func(context.Context, aurora.AuditEntry)
	presence presence
}

// New returns a service. logger and hint may be nil.
func New(store Store, logger *slog.Logger, hint func(appID int64)) *Service {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if hint == nil {
		hint = func(int64) {}
	}
	return &Service{store: store, logger: logger, hint: hint, record: func(context.Context, aurora.AuditEntry) {}}
}

// RecordTo says where lines of the audit log go, before the service is used.
func (s *Service) RecordTo(record func(context.Context, aurora.AuditEntry)) { s.record = record }

// note writes a line of the audit log.
func (s *Service) note(ctx context.Context, appID int64, action, subject, detail string) {
	s.record(ctx, aurora.AuditEntry{AppID: appID, Action: action, Subject: subject, Detail: detail})
}

// Registration is a device's first request. InstallID and Secret are made by
// the SDK, so that repeating the request gives the same registration id.
type Registration struct {
	InstallID string // 8 to 64 characters
	Secret    string // 32 to 128 characters
	Platform  aurora.Platform
	Profile   aurora.Profile
	// Change is applied by the same transaction: a token, tags and an alias cost
	// no second one.
	Change Change
}

// Register returns the registration id of an installation, making one if it is
// new. The same install id with another secret is refused as aurora.Forbidden.
func (s *Service) Register(ctx context.Context, appID int64, r Registration) (string, error) {
	if err := validInstall(r.InstallID); err != nil {
		return "", err
	}
	if n := len(r.Secret); n < 32 || n > 128 {
		return "", aurora.Errorf(aurora.Invalid, "secret must be 32 to 128 characters: 32 random bytes in base64url.")
	}
	if !slices.Contains(platforms, r.Platform) {
		return "", aurora.Errorf(aurora.Invalid, "platform must be ios, android, hmos or quickapp, not %.20q.", r.Platform)
	}
	if err := r.Profile.Validate(); err != nil {
		return "", err
	}
	if err := r.Change.validate(); err != nil {
		return "", err
	}
	now := time.Now()
	d := Stored{InstallID: r.InstallID, SecretHash: hashSecret(r.Secret)}
	d.AppID, d.RegistrationID, d.Platform, d.Profile, d.RegisteredAt, d.SeenAt = appID, newRegistrationID(now), r.Platform, r.Profile, now, now
	if err := r.Change.apply(&d.Device, now); err != nil {
		return "", err
	}
	crowded := d.Alias != "" && s.checkAlias(ctx, appID, noNumber, d.Alias) != nil
	if crowded { // unless this very device has it already, which its number will tell
		d.Alias = ""
	}
	stored, err := s.store.RegisterDevice(ctx, d)
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare(stored.SecretHash, d.SecretHash) != 1 {
		return "", aurora.Errorf(aurora.Forbidden, "This install_id is registered with another secret. Make a new install_id and register again.")
	}
	s.Seen(ctx, stored.Device, Active)
	// A new device's other tokens have rows of their own, which Apply writes.
	if known := stored.RegistrationID != d.RegistrationID; (known || crowded || len(r.Change.Tokens) > 0) && !r.Change.none() {
		return stored.RegistrationID, s.Apply(ctx, appID, stored.Number, r.Change)
	}
	s.hint(appID)
	return stored.RegistrationID, nil
}

func validInstall(id string) error {
	if n := len(id); n < 8 || n > 64 || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return aurora.Errorf(aurora.Invalid, "install_id must be 8 to 64 printable ASCII characters, such as a UUID made at the first start.")
	}
	return nil
}

// platforms are those whose devices can register. All get in-app messages; a
// notification needs a channel for the platform.
var platforms = []aurora.Platform{aurora.IOS, aurora.Android, aurora.HMOS, aurora.QuickApp}

// noNumber is that of a device that has none yet.
const noNumber = ^uint32(0)

// none reports whether a change asks for nothing.
func (c *Change) none() bool {
	return c.Token == nil && c.Alias == nil && c.SetTags == nil && len(c.AddTags)+len(c.RemoveTags)+len(c.Profile)+len(c.Tokens) == 0 &&
		c.Badge == nil && c.Mobile == nil && c.PushDisabled == nil && c.Muted == nil
}

// newRegistrationID returns 19 hexadecimal characters, the form of JPush's
// current ids (spec/rest-api.md §4): 40 bits of time in milliseconds, then 36
// random ones. Ids that rise with time keep the index on them dense and its
// growing end in memory; they are no secret.
func newRegistrationID(now time.Time) string {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:], uint64(now.UnixMilli())<<24)
	rand.Read(b[5:])
	return hex.EncodeToString(b[:])[:19]
}

// hashSecret is a plain digest because the secret is 256 random bits; half of it
// is as far beyond guessing, and a device has one.
func hashSecret(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:digestBytes]
}

const digestBytes = 16

// Authenticate returns the device that a registration id and secret prove, or
// aurora.Unauthorized.
func (s *Service) Authenticate(ctx context.Context, registrationID, secret string) (aurora.Device, error) {
	found, err := s.store.DevicesByRegistration(ctx, registrationID)
	if err != nil {
		return aurora.Device{}, err
	}
	h := hashSecret(secret)
	for _, d := range found {
		if subtle.ConstantTimeCompare(d.SecretHash, h) == 1 {
			return d.Device, nil
		}
	}
	return aurora.Device{}, aurora.Errorf(aurora.Unauthorized, "The registration id or its secret is not right. Register the installation again.")
}

// Change is a partial update of a device: nil fields stay as they are.
type Change struct {
	Token        *string             // hex; "" removes it
	Environment  *aurora.Environment // required beside a token
	Alias        *string             // "" removes it
	SetTags      *[]string           // replaces all tags
	AddTags      []string            // after RemoveTags, which JPush applies first
	RemoveTags   []string
	Badge        *int
	Mobile       *string // "" removes it
	PushDisabled *bool
	Muted        *bool
	Profile      map[string]string // by the JSON names of aurora.Profile
	// Tokens are those beside the token of notifications.
	Tokens []aurora.NamedToken
}

// Apply changes a device that the caller has authenticated.
func (s *Service) Apply(ctx context.Context, appID int64, number uint32, c Change) error {
	if err := aurora.Require(ctx, aurora.DevicesRight); err != nil {
		return err
	}
	if err := c.validate(); err != nil {
		return err
	}
	if c.Alias != nil && *c.Alias != "" {
		if err := s.checkAlias(ctx, appID, number, *c.Alias); err != nil {
			return err
		}
	}
	err := s.putChange(ctx, appID, number, c)
	if err == nil {
		s.hint(appID)
	}
	return err
}

func (c *Change) validate() error {
	if c.Token != nil && *c.Token != "" {
		token, err := aurora.NormalizeToken(*c.Token)
		if err != nil {
			return err
		}
		c.Token = &token
		if c.Environment == nil || *c.Environment == aurora.NoEnvironment {
			return aurora.Errorf(aurora.Missing, "environment must stand beside token: \"development\" or \"production\", as the build is signed.")
		}
	}
	others, err := c.validateTokens()
	if err != nil {
		return err
	}
	if others && (c.Environment == nil || *c.Environment == aurora.NoEnvironment) {
		return aurora.Errorf(aurora.Missing, "environment must stand beside voip_token and tokens of live activities: \"development\" or \"production\", as the build is signed.")
	}
	if c.Token == nil && len(c.Tokens) == 0 && c.Environment != nil {
		return aurora.Errorf(aurora.Missing, "token must stand beside environment: a token belongs to one environment.")
	}
	if c.Alias != nil && *c.Alias != "" {
		if err := aurora.ValidateTag("alias", *c.Alias); err != nil {
			return err
		}
	}
	if c.Badge != nil && (*c.Badge < 0 || *c.Badge > aurora.MaxBadge) {
		return aurora.Errorf(aurora.Invalid, "badge must be 0 to %d.", aurora.MaxBadge)
	}
	if c.Mobile != nil {
		if err := aurora.ValidateMobile(*c.Mobile); err != nil {
			return err
		}
	}
	return c.validateTags()
}

func (c *Change) validateTags() error {
	if c.SetTags != nil && len(*c.SetTags) > aurora.MaxTagsPerDevice {
		return aurora.Errorf(aurora.Invalid, "A device can carry at most %d tags.", aurora.MaxTagsPerDevice)
	}
	if len(c.AddTags) > aurora.MaxTagsPerCall || len(c.RemoveTags) > aurora.MaxTagsPerCall {
		return aurora.Errorf(aurora.Invalid, "At most %d tags can be added and removed by one call.", aurora.MaxTagsPerCall)
	}
	lists := [][]string{c.AddTags, c.RemoveTags}
	if c.SetTags != nil {
		lists = append(lists, *c.SetTags)
	}
	for _, tag := range slices.Concat(lists...) {
		if err := aurora.ValidateTag("tag", tag); err != nil {
			return err
		}
	}
	return nil
}

func (c *Change) apply(d *aurora.Device, now time.Time) error {
	if c.Token != nil && *c.Token != "" && d.Platform != aurora.IOS {
		return aurora.Errorf(aurora.Invalid, "Aurora has no channel for %s yet: leave token out. In-app messages need none.", d.Platform)
	}
	if c.Token != nil {
		// Reporting a token, even the same one, makes it live again: the app on
		// the phone has just got it from iOS (spec/apns.md §3.4).
		d.Token, d.TokenAt, d.RetiredReason, d.RetiredAt = *c.Token, now, "", time.Time{}
		d.Environment = aurora.NoEnvironment
		if d.Token != "" {
			d.Environment = *c.Environment
		}
	}
	if c.Alias != nil {
		d.Alias = *c.Alias
	}
	if c.SetTags != nil {
		d.Tags = slices.Clone(*c.SetTags)
	}
	d.Tags = slices.DeleteFunc(d.Tags, func(t string) bool { return slices.Contains(c.RemoveTags, t) })
	d.Tags = append(d.Tags, c.AddTags...)
	slices.Sort(d.Tags)
	d.Tags = slices.Compact(d.Tags)
	if len(d.Tags) > aurora.MaxTagsPerDevice {
		return aurora.Errorf(aurora.Invalid, "The device would carry %d tags; at most %d are allowed.", len(d.Tags), aurora.MaxTagsPerDevice)
	}
	if c.Badge != nil {
		d.Badge = *c.Badge
	}
	if c.Mobile != nil {
		d.Mobile = *c.Mobile
	}
	if c.PushDisabled != nil {
		d.PushDisabled = *c.PushDisabled
	}
	if c.Muted != nil {
		d.Muted = *c.Muted
	}
	return c.applyProfile(&d.Profile)
}

func (c *Change) applyProfile(p *aurora.Profile) error {
	fields := map[string]*string{"channel": &p.Channel, "app_version": &p.AppVersion, "os_version": &p.OSVersion, "model": &p.Model, "language": &p.Language, "time_zone": &p.TimeZone}
	for name, value := range c.Profile {
		if field, ok := fields[name]; ok {
			*field = value
		}
	}
	return p.Validate()
}

// Device returns one device of an app, or aurora.NotFound.
func (s *Service) Device(ctx context.Context, appID int64, registrationID string) (aurora.Device, error) {
	found, err := s.store.DevicesByRegistration(ctx, registrationID)
	if err != nil {
		return aurora.Device{}, err
	}
	for _, d := range found {
		if d.AppID == appID {
			d.SeenAt = s.presence.lastSeen(d.Device)
			return d.Device, nil
		}
	}
	return aurora.Device{}, aurora.Errorf(aurora.NotFound, "This app has no device with registration id %.40q.", registrationID)
}

// Devices lists devices, newest first.
func (s *Service) Devices(ctx context.Context, appID int64, q Query) ([]aurora.Device, error) {
	q.Limit = min(max(q.Limit, 1), 1000)
	return s.store.FindDevices(ctx, appID, q)
}

// RegistrationIDs returns the registration ids of devices by ascending number;
// one that is not there is left out.
func (s *Service) RegistrationIDs(ctx context.Context, appID int64, numbers *roaring.Bitmap) ([]string, error) {
	return s.store.RegistrationIDs(ctx, appID, numbers)
}
