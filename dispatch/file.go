package dispatch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/aurora-push/aurora"
)

// ErrNoFile is what a store returns for a file that is not there, not the
// owner's, not complete or expired.
var ErrNoFile = errors.New("dispatch: no such file")

// FileKind is what the lines of a file are.
type FileKind string

// The kinds of files, in JPush's words.
const (
	AliasFile        FileKind = "alias"
	RegistrationFile FileKind = "registration_id"
)

// File is a list of aliases or registration ids that a push can be sent to.
type File struct {
	ID        string
	Owner     FileOwner
	Kind      FileKind
	Name      string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// FileOwner is an app, or, with AppID 0, an account whose apps share the file.
type FileOwner struct{ AccountID, AppID int64 }

// Limits of files (spec/rest-api.md §8.4).
const (
	MaxFile      = 10 << 20 // bytes
	MaxFiles     = 20       // of one owner at the same time
	MaxFileHours = 720      // a file's longest time, and the default
	maxFileName  = 255      // bytes
)

// FileStore keeps files. A file arrives in parts, each a transaction of its
// own, and counts only once it is complete.
type FileStore interface {
	// BeginFile notes a file that is going to arrive. It drops files that have
	// expired, and those that began to arrive over an hour ago.
	BeginFile(ctx context.Context, f File) error
	AddFilePart(ctx context.Context, id string, part int, lines []byte) error
	// CompleteFile sets a file's expiry and makes it count; with max complete
	// files there already it is refused with aurora.Full.
	CompleteFile(ctx context.Context, f File, max int) error
	DropFile(ctx context.Context, owner FileOwner, id string) error
	// Files returns an owner's complete files, oldest first.
	Files(ctx context.Context, owner FileOwner) ([]File, error)
	// ReadFile yields the lines of a file, part by part.
	ReadFile(ctx context.Context, id string) iter.Seq2[[]byte, error]
}

// Files answers for audience files.
type Files struct {
	store  FileStore
	logger *slog.Logger
}

// NewFiles returns a service.
func NewFiles(store FileStore, logger *slog.Logger) *Files { return &Files{store, logger} }

// filePart is how many bytes of lines one transaction writes.
const filePart = 256 << 10

// Add reads a file of one alias or registration id a line and stores it.
// Blank lines, line ends of any kind and a byte-order mark do not matter; a
// line that is no alias or id refuses the file and is named. The hours are
// asked for when the file has been read, since they may come after it.
func (s *Files) Add(ctx context.Context, f File, lines io.Reader, hours func() (int, error)) (err error) {
	if f.Name == "" || len(f.Name) > maxFileName || !utf8.ValidString(f.Name) {
		return aurora.Errorf(aurora.Invalid, "The file needs a name of 1 to %d bytes.", maxFileName)
	}
	list, err := s.store.Files(ctx, f.Owner)
	if err != nil {
		return err
	}
	if len(list) >= MaxFiles { // before 10 MB are read
		return errTooManyFiles(len(list))
	}
	f.CreatedAt = time.Now()
	if err := s.store.BeginFile(ctx, f); err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		if e := s.store.DropFile(context.WithoutCancel(ctx), f.Owner, f.ID); e != nil {
			s.logger.ErrorContext(ctx, "the beginning of a refused file could not be dropped; it will be with the next file", "error", e)
		}
	}()
	if err := s.addLines(ctx, f, lines); err != nil {
		return err
	}
	ttl, err := hours()
	if err != nil {
		return err
	}
	if ttl < 1 || ttl > MaxFileHours {
		return aurora.Errorf(aurora.Invalid, "ttl must be 1 to %d hours.", MaxFileHours)
	}
	f.ExpiresAt = f.CreatedAt.Add(time.Duration(ttl) * time.Hour)
	return s.store.CompleteFile(ctx, f, MaxFiles)
}

func errTooManyFiles(n int) error {
	return aurora.Errorf(aurora.Full, "There are %d files already, the most that are kept. Delete one with DELETE /v3/files/{file_id}.", n)
}

func (s *Files) addLines(ctx context.Context, f File, lines io.Reader) error {
	var part []byte
	parts := 0
	flush := func() error {
		err := s.store.AddFilePart(ctx, f.ID, parts, part)
		part, parts = part[:0], parts+1
		return err
	}
	err := f.Kind.eachLine(lines, func(line []byte) error {
		part = append(append(part, line...), '\n')
		if len(part) < filePart {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	if len(part) == 0 && parts == 0 {
		return aurora.Errorf(aurora.Invalid, "The file is empty. Write one %s a line.", f.Kind)
	}
	return flush()
}

// eachLine calls use for every line that is not blank, trimmed and checked.
func (k FileKind) eachLine(lines io.Reader, use func([]byte) error) error {
	scan := bufio.NewScanner(lines)
	scan.Buffer(make([]byte, 0, 64<<10), 64<<10)
	for n := 1; scan.Scan(); n++ {
		line := scan.Bytes()
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := k.validate(string(line)); err != nil {
			return aurora.Errorf(aurora.Invalid, "Line %d of the file: %s", n, err.Error())
		}
		if err := use(line); err != nil {
			return err
		}
	}
	switch err := scan.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return aurora.Errorf(aurora.Invalid, "A line of the file is longer than any %s. Write one a line.", k)
	case err != nil:
		return UnreadFile{err}
	}
	return nil
}

// UnreadFile is an error of the one who sends a file, not of Aurora.
type UnreadFile struct{ Err error }

// Error implements error.
func (e UnreadFile) Error() string {
	return "dispatch: the file did not arrive whole: " + e.Err.Error()
}

// Unwrap returns why.
func (e UnreadFile) Unwrap() error { return e.Err }

func (k FileKind) validate(line string) error {
	if k == AliasFile {
		return aurora.ValidateTag("alias", line)
	}
	return aurora.ValidateRegistrationID(line)
}

// Files returns an owner's files that have not expired, oldest first.
func (s *Files) Files(ctx context.Context, owner FileOwner) ([]File, error) {
	return s.store.Files(ctx, owner)
}

// File returns one of them, or aurora.NotFound.
func (s *Files) File(ctx context.Context, owner FileOwner, id string) (File, error) {
	list, err := s.store.Files(ctx, owner)
	for _, f := range list {
		if f.ID == id {
			return f, err
		}
	}
	if err != nil {
		return File{}, err
	}
	return File{}, aurora.Errorf(aurora.NotFound, "There is no file %.80q: it was deleted, has expired, or is another's. GET /v3/files lists those that are there.", id)
}

// Drop deletes a file. Pushes that were accepted with it are not touched. A
// file that is not there is no error.
func (s *Files) Drop(ctx context.Context, owner FileOwner, id string) error {
	return s.store.DropFile(ctx, owner, id)
}
