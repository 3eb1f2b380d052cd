package iphone

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aurora-push/aurora/device"
)

// container is where an app's data lives: a folder of Config.Dir, or memory.
type container struct {
	dir    string // "" = memory
	memory *device.MemoryStore
}

// installed is what the phone itself keeps about an app.
type installed struct {
	InstallID  string     `json:"install_id"`
	Permission Permission `json:"permission"`
	Registered bool       `json:"registered"`
	Settings   *Settings  `json:"settings,omitempty"` // absent in records of earlier versions
}

func (p *Phone) newContainer(bundleID string) container {
	if p.config.Dir == "" {
		return container{memory: new(device.MemoryStore)}
	}
	return container{dir: filepath.Join(p.config.Dir, bundleID)}
}

// store is where the app's SDK keeps its record.
func (c container) store() device.Store {
	if c.memory != nil {
		return c.memory
	}
	return device.FileStore{Path: filepath.Join(c.dir, "sdk.json")}
}

// record is where the phone keeps its own.
func (c container) record() device.FileStore {
	return device.FileStore{Path: filepath.Join(c.dir, "installation.json")}
}

// load finds the installation of an earlier run, or makes a new one.
func (c container) load(i *installation) error {
	var data []byte
	if c.memory == nil {
		if err := os.MkdirAll(c.dir, 0o700); err != nil {
			return fmt.Errorf("make the app's folder: %w", err)
		}
		var err error
		if data, err = c.record().Load(); err != nil {
			return err
		}
	}
	if len(data) == 0 {
		i.installID = newInstallID()
		return c.write(i)
	}
	var was installed
	if err := json.Unmarshal(data, &was); err != nil || was.InstallID == "" {
		return fmt.Errorf("%s is damaged; remove it, and the app is installed anew", c.record().Path)
	}
	i.installID, i.permission, i.registered = was.InstallID, was.Permission, was.Registered
	if was.Settings != nil {
		i.settings = *was.Settings
	}
	return nil
}

// newInstallID names an installation to APNs: another one gets another token.
func newInstallID() string {
	var id [16]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

func (c container) write(i *installation) error {
	if c.memory != nil {
		return nil
	}
	data, err := json.Marshal(installed{InstallID: i.installID, Permission: i.permission, Registered: i.registered, Settings: &i.settings})
	if err != nil {
		return err
	}
	return c.record().Save(data)
}

// save writes and logs a failure: the phone goes on with what it has in memory.
func (c container) save(i *installation) {
	if err := c.write(i); err != nil {
		i.phone.note("phone", "the phone's storage fails: %v", err)
	}
}

func (c container) remove() error {
	if c.memory != nil {
		return nil
	}
	if err := os.RemoveAll(c.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("iphone: remove the app's data: %w", err)
	}
	return nil
}
