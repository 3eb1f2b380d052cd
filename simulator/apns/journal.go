package apns

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// entry is one line of the journal; exactly one member is set. The journal is
// what makes tokens and stored notifications survive a restart:
//
//	{"device":{…}}       a device token in its present state (registered, removed, dead)
//	{"stored":{…}}       a notification waits for its phone
//	{"done":17}          notification 17 waits no longer
//	{"channel":{…}}      a broadcast channel in its present state
//	{"subscription":{…}} a phone's app joined or left a channel
//
// A line is written with one write before the answer that depends on it goes
// out, so that a killed process loses nothing it has promised; there is no
// fsync, so a machine that loses power may lose the last moments. A torn last
// line is ignored. At start, and whenever it has grown to 64 MiB, the file is
// rewritten to hold the present state only.
type entry struct {
	Device       *device       `json:"device,omitempty"`
	Stored       *storedEntry  `json:"stored,omitempty"`
	Done         uint64        `json:"done,omitempty"`
	Channel      *channel      `json:"channel,omitempty"`
	Subscription *subscription `json:"subscription,omitempty"`
}

// storedEntry is a notification with what its public form does not show.
type storedEntry struct {
	*Notification
	KeepUntil time.Time `json:"keep_until"`
}

const journalLimit = 64 << 20

type journal struct {
	path    string
	file    *os.File
	pending bytes.Buffer
	size    int64
	limit   int64 // rewrite when size exceeds it
}

// readJournal calls apply for every entry in the file; a missing file is an empty one.
func readJournal(path string, apply func(entry) error) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("apns: open the journal: %w", err)
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, 1<<20)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil // what follows the last newline was being written when the process died
		}
		if err != nil {
			return fmt.Errorf("apns: read the journal: %w", err)
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("apns: line %d of %s cannot be read (%w); remove the line, or the file to start with an empty registry", number, path, err)
		}
		if err := apply(e); err != nil {
			return fmt.Errorf("apns: line %d of %s: %w", number, path, err)
		}
	}
}

// openJournal replaces the file by the given state and opens it for more.
func openJournal(path string, state []entry) (*journal, error) {
	j := &journal{path: path}
	return j, j.rewrite(state)
}

func (j *journal) rewrite(state []entry) error {
	j.pending.Reset()
	for _, e := range state {
		j.add(e)
	}
	if err := writeFile(j.path, j.pending.Bytes(), 0o600); err != nil {
		return fmt.Errorf("apns: write the journal: %w", err)
	}
	j.size = int64(j.pending.Len())
	j.limit = max(journalLimit, 4*j.size)
	j.pending.Reset()
	f, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("apns: open the journal: %w", err)
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file = f
	return nil
}

// add appends an entry in memory; flush makes it last.
func (j *journal) add(e entry) {
	data, err := json.Marshal(e)
	if err != nil {
		panic("apns: a journal entry cannot be written as JSON: " + err.Error())
	}
	j.pending.Write(data)
	j.pending.WriteByte('\n')
}

func (j *journal) flush() error {
	if j.pending.Len() == 0 {
		return nil
	}
	n, err := j.file.Write(j.pending.Bytes())
	j.size += int64(n)
	if n > 0 { // after a short write only the rest may follow, or a line would be torn in the middle of the file
		j.pending.Next(n)
	}
	if err != nil {
		return fmt.Errorf("apns: write %s: %w", filepath.Base(j.path), err)
	}
	j.pending.Reset()
	return nil
}

func (j *journal) close() error {
	err := j.flush()
	return errors.Join(err, j.file.Close())
}
