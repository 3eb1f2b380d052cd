package apns

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// providerKey is the public half of an issued .p8 key and what it may do.
type providerKey struct {
	KeyID       string   `json:"key_id"`
	TeamID      string   `json:"team_id"`
	Topics      []string `json:"topics,omitempty"` // empty = every topic of the team
	RelatedTo   string   `json:"related_to,omitempty"`
	Development bool     `json:"development"`
	Production  bool     `json:"production"`
	PublicKey   string   `json:"public_key"` // PEM
	Revoked     bool     `json:"revoked,omitempty"`

	public *ecdsa.PublicKey
}

func (k *providerKey) serves(e Environment) bool {
	if e == Development {
		return k.Development
	}
	return k.Production
}

// related reports whether k may be used on a connection that first used other.
func (k *providerKey) related(other *providerKey) bool {
	return k.KeyID == other.KeyID || k.RelatedTo == other.KeyID || other.RelatedTo == k.KeyID
}

// keyring knows the provider keys, which team owns which bundle id, and what
// was revoked. With a folder, each entry is a small file of its own, because
// `aurora apns issue` adds entries from another process while the server runs:
//
//	keys/<key id>.json      a provider key
//	apps/<bundle id>        the id of the team that owns the app
//	revoked/<serial, hex>   a push certificate that is no longer valid
type keyring struct {
	dir string // empty = memory only

	mu      sync.Mutex
	keys    map[string]*providerKey
	apps    map[string]claimed
	revoked map[string]bool
	looked  map[string]time.Time // when the folder was last asked about a serial number
}

// claimed is the owner of a bundle id as last read. It is read again after a
// second, since another process may have written the file.
type claimed struct {
	team string
	at   time.Time
}

func newKeyring(dir string) *keyring {
	return &keyring{dir: dir, keys: map[string]*providerKey{}, apps: map[string]claimed{}, revoked: map[string]bool{}, looked: map[string]time.Time{}}
}

func (k *keyring) add(key *providerKey) error {
	der, err := x509.MarshalPKIXPublicKey(key.public)
	if err != nil {
		return err
	}
	key.PublicKey = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err := k.write("keys", key.KeyID+".json", key); err != nil {
		return fmt.Errorf("apns: store the provider key: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[key.KeyID] = key
	return nil
}

// find returns the key with this id, looking into the folder when it is not
// known yet; nil when there is none.
func (k *keyring) find(id string) *providerKey {
	if !idPattern.MatchString(id) { // also keeps path separators out of the file name
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.keys[id]; key != nil {
		return key
	}
	data, err := k.read("keys", id+".json")
	if err != nil {
		return nil
	}
	key, err := parseProviderKey(data)
	if err != nil || key.KeyID != id {
		return nil
	}
	k.keys[id] = key
	return key
}

func parseProviderKey(data []byte) (*providerKey, error) {
	key := &providerKey{}
	if err := json.Unmarshal(data, key); err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(key.PublicKey))
	if block == nil {
		return nil, errors.New("apns: no public key in the key file")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("apns: provider keys are EC keys")
	}
	key.public = public
	return key, nil
}

// claim notes that bundle belongs to team. The latest claim wins, as when an
// app is transferred.
func (k *keyring) claim(bundle, team string) error {
	if err := k.write("apps", bundle, team); err != nil {
		return fmt.Errorf("apns: store the owner of the bundle id: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.apps[bundle] = claimed{team, time.Now()}
	return nil
}

// owner returns the team that owns the app of a topic, empty when nobody has
// claimed it: such an app is open to every team.
func (k *keyring) owner(topic string) string {
	bundle := bundleOf(topic)
	if !validBundle(bundle) {
		return ""
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	last, known := k.apps[bundle]
	if k.dir == "" || known && time.Since(last.at) < time.Second {
		return last.team
	}
	var team string
	if data, err := k.read("apps", bundle); err == nil && json.Unmarshal(data, &team) != nil {
		team = last.team
	}
	if len(k.apps) > 10000 {
		clear(k.apps) // topics come from clients: do not let them fill the memory
	}
	k.apps[bundle] = claimed{team, time.Now()}
	return team
}

// revoke makes a provider key (by key id) or a certificate (by serial number
// in hex) unusable from now on.
func (k *keyring) revoke(id string) error {
	if key := k.find(id); key != nil {
		k.mu.Lock()
		dead := *key
		dead.Revoked = true
		k.keys[id] = &dead
		k.mu.Unlock()
		return k.write("keys", id+".json", &dead)
	}
	serial := strings.ToLower(id)
	if serial == "" || strings.Trim(serial, "0123456789abcdef") != "" {
		return fmt.Errorf("apns: %q is neither a known key id nor a serial number in hex", id)
	}
	k.mu.Lock()
	k.revoked[serial] = true
	k.mu.Unlock()
	return k.write("revoked", serial, true)
}

// certificateRevoked is asked for every push, so the folder, into which another
// process may write, is looked at once a second.
func (k *keyring) certificateRevoked(serial string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.revoked[serial] {
		return true
	}
	if k.dir == "" || time.Since(k.looked[serial]) < time.Second {
		return false
	}
	if len(k.looked) > 10000 {
		clear(k.looked)
	}
	k.looked[serial] = time.Now()
	if _, err := k.read("revoked", serial); err == nil {
		k.revoked[serial] = true
	}
	return k.revoked[serial]
}

func serialOf(c *x509.Certificate) string { return c.SerialNumber.Text(16) }

func (k *keyring) write(folder, name string, value any) error {
	if k.dir == "" {
		return nil
	}
	path := filepath.Join(k.dir, folder)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(path, name), append(data, '\n'), 0o600)
}

func (k *keyring) read(folder, name string) ([]byte, error) {
	if k.dir == "" {
		return nil, os.ErrNotExist
	}
	return os.ReadFile(filepath.Join(k.dir, folder, name))
}
