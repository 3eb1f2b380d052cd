package server

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/aurora-push/aurora/account"
	"github.com/aurora-push/aurora/store"
)

// A backup is a tar file with the database, the encryption key unless it lives
// elsewhere, and last what proves that all of it is there.
const (
	manifestFile   = "manifest.json"
	manifestFormat = 1
	maxManifest    = 1 << 20 // bytes
)

// BackupManifest describes a backup.
type BackupManifest struct {
	Format   int        `json:"format"`
	MadeAt   time.Time  `json:"made_at"`
	Schema   int        `json:"schema"`
	Database FileDigest `json:"database"`
	// Key is zero when the encryption key is not in the backup, because the
	// server gets it from AURORA_KEY.
	Key FileDigest `json:"key,omitzero"`
}

// FileDigest proves that a file is whole.
type FileDigest struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Backup writes the data folder, as of one moment, to file (mode 0600), which
// must not exist. A server may be running on the folder. The copy needs as much
// room again beside file until it is done.
func Backup(ctx context.Context, dir, file string) (m BackupManifest, err error) {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s exists already; choose another name", file)
	}
	work, err := os.MkdirTemp(filepath.Dir(file), ".aurora-backup-") // mode 0700
	if err != nil {
		return m, fmt.Errorf("the backup cannot be written: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	database := filepath.Join(work, store.DatabaseFile)
	if err := store.Snapshot(ctx, dir, database); err != nil {
		return m, err
	}
	m = BackupManifest{Format: manifestFormat, MadeAt: time.Now().UTC().Truncate(time.Second)}
	if m.Schema, err = store.Verify(ctx, database); err != nil {
		return m, err
	}
	part := filepath.Join(work, "part")
	if err := m.write(part, database, filepath.Join(dir, account.KeyFile)); err != nil {
		return m, fmt.Errorf("the backup cannot be written: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return m, err
	}
	return m, os.Rename(part, file)
}

// write writes the tar file and fills in the digests.
func (m *BackupManifest) write(to, database, key string) (err error) {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := tar.NewWriter(f)
	if m.Database, err = addFile(w, store.DatabaseFile, database); err != nil {
		return err
	}
	m.Key, err = addFile(w, account.KeyFile, key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	body, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: manifestFile, Mode: 0o600, Size: int64(len(body)), ModTime: m.MadeAt}); err != nil {
		return err
	}
	if _, err := w.Write(body); err != nil {
		return err
	}
	return errors.Join(w.Close(), f.Sync())
}

func addFile(w *tar.Writer, name, path string) (d FileDigest, err error) {
	f, err := os.Open(path)
	if err != nil {
		return d, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return d, err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return d, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), f)
	return FileDigest{n, hex.EncodeToString(h.Sum(nil))}, err
}

// Restore puts a backup into a data folder that no server uses. What stands
// there is kept in a folder beside it, whose path is returned, if replace is
// set, and refused otherwise. Nothing is changed before the whole backup has
// been read and found good.
func Restore(ctx context.Context, file, dir string, replace bool) (m BackupManifest, kept string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return m, "", fmt.Errorf("the data folder cannot be made: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		return m, "", fmt.Errorf("an Aurora server is using the data folder %s; stop it first: %w", dir, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	_, err = os.Stat(filepath.Join(dir, store.DatabaseFile))
	if taken := !errors.Is(err, fs.ErrNotExist); taken && !replace {
		return m, "", fmt.Errorf("the data folder %s holds a database; give --replace to move it aside, or another folder", dir)
	}
	work, err := os.MkdirTemp(dir, "restore-")
	if err != nil {
		return m, "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if m, err = extract(file, work); err != nil {
		return m, "", fmt.Errorf("%s: %w", file, err)
	}
	if _, err := store.Verify(ctx, filepath.Join(work, store.DatabaseFile)); err != nil {
		return m, "", fmt.Errorf("%s: %w", file, err)
	}
	if kept, err = moveAside(dir); err != nil {
		return m, kept, err
	}
	for _, name := range []string{account.KeyFile, store.DatabaseFile} { // the database last: with it the folder counts as taken
		if err := os.Rename(filepath.Join(work, name), filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return m, kept, err
		}
	}
	return m, kept, syncDir(dir)
}

// moveAside moves database and key of a folder into a new one inside it, and
// returns its path; "" if there was nothing to move.
func moveAside(dir string) (kept string, err error) {
	names := []string{store.DatabaseFile, store.DatabaseFile + "-wal", store.DatabaseFile + "-shm", account.KeyFile}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if kept == "" {
			kept = filepath.Join(dir, "before-restore-"+time.Now().UTC().Format("20060102T150405.000"))
			if err := os.Mkdir(kept, 0o700); err != nil {
				return kept, err
			}
		}
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(kept, name)); err != nil {
			return kept, err
		}
	}
	return kept, nil
}

// errNoBackup is for files that Backup did not write.
var errNoBackup = errors.New("it is not a backup of Aurora")

// extract reads a backup into a folder and proves that it is whole.
func extract(file, dir string) (m BackupManifest, err error) {
	f, err := os.Open(file)
	if err != nil {
		return m, err
	}
	defer f.Close()
	found := map[string]FileDigest{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return m, errors.New("the backup is cut short: its end is missing")
		}
		if err != nil {
			return m, errNoBackup
		}
		switch h.Name {
		case store.DatabaseFile, account.KeyFile:
			if found[h.Name], err = unpack(r, filepath.Join(dir, h.Name)); err != nil {
				return m, err
			}
		case manifestFile:
			if err := json.NewDecoder(io.LimitReader(r, maxManifest)).Decode(&m); err != nil {
				return m, errNoBackup
			}
			return m, m.prove(found)
		default: // nothing else may be written into a data folder
			return m, errNoBackup
		}
	}
}

func (m BackupManifest) prove(found map[string]FileDigest) error {
	switch {
	case m.Format > manifestFormat:
		return errors.New("a newer Aurora made this backup; restore it with that one")
	case m.Format != manifestFormat || m.Database.Bytes == 0:
		return errNoBackup
	case found[store.DatabaseFile] != m.Database || found[account.KeyFile] != m.Key:
		return errors.New("the backup is damaged: its contents are not what was written")
	}
	return nil
}

func unpack(r io.Reader, path string) (d FileDigest, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), r)
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the backup is cut short: its end is missing")
		}
		return d, err
	}
	return FileDigest{n, hex.EncodeToString(h.Sum(nil))}, f.Sync()
}

// syncDir makes renames in a folder durable, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // not every system lets a folder be synced; the files are
	return d.Close()
}
