package registry

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aurora-push/aurora"
)

// Imports stores devices from files.
type Imports interface {
	// ImportDevices stores rows and how far the import has come, in one
	// transaction. A row of a known registration id, or without one of a known
	// token, changes that device. It returns the state with its counts brought
	// up to date, and the rows that were refused by their places.
	ImportDevices(ctx context.Context, appID int64, rows []Row, state ImportState) (ImportState, map[int]error, error)
	// ImportState returns ErrNone if nothing was imported from the source.
	ImportState(ctx context.Context, appID int64, source string) (ImportState, error)
}

// ImportState is how far an import has come.
type ImportState struct {
	Source     string
	Offset     int64  // bytes of the file, unpacked, that are done
	Digest     []byte // SHA-256 of those bytes
	Line       int64  // the last line that is done
	Added      int64  // new devices
	Changed    int64  // rows of devices that were there already
	Rejected   int64
	StartedAt  time.Time
	FinishedAt time.Time // zero while there is more
}

// Rejection is a line that was not imported.
type Rejection struct {
	Line   int64
	Reason string // what is wrong and what to do
	Text   string // the line, shortened
}

// ImportOptions say how to import. All functions may be nil, are called one at a
// time, and should not block for long.
type ImportOptions struct {
	// Source names the file among those of the app, so that an import that was
	// interrupted goes on where it was. "" begins anew each time.
	Source string
	// Environment is that of tokens whose row names none.
	Environment aurora.Environment
	// DryRun reads and checks everything, and stores nothing.
	DryRun bool
	// Again begins anew with a file that was imported before.
	Again bool
	// Pause is between two transactions: in it other processes can write.
	Pause time.Duration
	// Alone says that nobody else uses the database. Transactions are longer
	// then, which writes each page of the database less often.
	Alone bool
	// Begin is told where the import begins: at 0, or where it was interrupted.
	Begin func(ImportState) error
	// Progress is told how far it has come, after each transaction.
	Progress func(ImportState)
	// Rejected is told each line that was refused, in the order of the lines and
	// before Progress counts it.
	Rejected func(Rejection) error
}

const (
	importRows = 1024      // in one transaction: others wait some 30 ms for it
	importTags = 8192      // of the rows of one transaction
	aloneTimes = 16        // as many of both where nobody waits
	maxLine    = 256 << 10 // bytes
)

// Import stores the devices of a file: CSV with a header line, or a JSON object
// on each line; gzipped or not. Rows obey the rules of a registration; those
// that do not are reported and passed over. docs/operating.md lists the columns.
//
// The progress is stored with the rows, under o.Source: after a crash the same
// call goes on where it was and repeats nothing. A file whose imported part has
// changed is refused as aurora.Conflict, and so is one that was imported to its
// end, unless o.Again. Imported devices do not count as new ones in reports.
func (s *Service) Import(ctx context.Context, appID int64, file io.Reader, o ImportOptions) (ImportState, error) {
	state := ImportState{Source: o.Source, StartedAt: time.Now()}
	if o.Source != "" && !o.DryRun && !o.Again {
		before, err := s.store.ImportState(ctx, appID, o.Source)
		switch {
		case err == nil && !before.FinishedAt.IsZero():
			return before, aurora.Errorf(aurora.Conflict, "This file was imported already, until %s: %d devices added, %d changed, %d lines rejected. To import it once more begin again (--again).",
				before.FinishedAt.Format(time.RFC3339), before.Added, before.Changed, before.Rejected)
		case err == nil:
			state = before
		case !errors.Is(err, ErrNone):
			return state, err
		}
	}
	f, err := openImport(file)
	if err == nil {
		f.portion = 1
		if o.Alone {
			f.portion = aloneTimes
		}
		err = f.skip(state)
	}
	if err != nil {
		return state, err
	}
	if o.Begin != nil {
		if err := o.Begin(state); err != nil {
			return state, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	if !o.DryRun { // the server may be down, or in another process
		beside.Go(func() { s.fold(ctx) })
	}
	batches := make(chan importBatch, 1) // reading goes on while the disk is waited for
	go f.read(ctx, o.Environment, batches)
	for {
		b, more := <-batches
		if !more {
			return state, context.Cause(ctx)
		}
		if state, err = s.importBatch(ctx, appID, state, b, o); err != nil {
			return state, err
		}
		if b.end {
			s.hint(appID)
			return state, b.err
		}
	}
}

func (s *Service) importBatch(ctx context.Context, appID int64, state ImportState, b importBatch, o ImportOptions) (ImportState, error) {
	for i := range b.rows {
		b.rows[i].Device.AppID = appID
		b.rows[i].complete(time.Now())
	}
	state.Offset, state.Line, state.Digest = b.offset, b.line, b.digest
	state.Rejected += int64(len(b.rejected))
	if b.end && b.err == nil {
		state.FinishedAt = time.Now()
	}
	if o.DryRun {
		state.Added += int64(len(b.rows))
		return state, b.report(nil, state, o)
	}
	// The rejections are told first: what the state counts was told.
	if err := b.report(nil, ImportState{}, ImportOptions{Rejected: o.Rejected}); err != nil {
		return state, err
	}
	b.rejected = nil
	state, refused, err := s.store.ImportDevices(ctx, appID, b.rows, state)
	if err != nil {
		return state, err
	}
	if err := b.report(refused, state, o); err != nil {
		return state, err
	}
	if o.Pause > 0 && !b.end {
		select {
		case <-ctx.Done():
			return state, ctx.Err()
		case <-time.After(o.Pause):
		}
	}
	return state, nil
}

// importBatch is what one transaction imports.
type importBatch struct {
	rows     []Row
	rejected []Rejection
	offset   int64
	line     int64
	digest   []byte
	end      bool
	err      error // why the file cannot be read further
}

func (b *importBatch) report(refused map[int]error, state ImportState, o ImportOptions) error {
	for i, row := range b.rows {
		if err := refused[i]; err != nil {
			b.rejected = append(b.rejected, Rejection{row.Line, err.Error(), row.Device.RegistrationID})
		}
	}
	if o.Rejected != nil {
		for _, r := range b.rejected {
			if err := o.Rejected(r); err != nil {
				return err
			}
		}
	}
	if o.Progress != nil {
		o.Progress(state)
	}
	return nil
}

// importFile reads a file line by line and knows how far it is.
type importFile struct {
	r      *bufio.Reader
	json   bool
	comma  byte
	places []int // of the columns
	offset int64
	line   int64
	sum    hash.Hash
	// portion is how many times importRows and importTags a batch has.
	portion int
}

var errTooLong = aurora.Errorf(aurora.TooLarge, "The line is longer than %d bytes.", maxLine)

// openImport looks at the beginning of a file: what it is, and its header.
func openImport(file io.Reader) (*importFile, error) {
	r := bufio.NewReaderSize(file, 64<<10)
	if magic, _ := r.Peek(2); string(magic) == "\x1f\x8b" {
		unpacked, err := gzip.NewReader(r)
		if err != nil {
			return nil, aurora.Errorf(aurora.Invalid, "The file is a damaged gzip file: %v.", err)
		}
		r = bufio.NewReaderSize(unpacked, 64<<10)
	}
	f := &importFile{r: bufio.NewReaderSize(r, maxLine), sum: sha256.New()}
	head, err := f.r.Peek(4)
	switch {
	case len(head) == 0 && errors.Is(err, io.EOF):
		return nil, aurora.Errorf(aurora.Missing, "The file is empty.")
	case err != nil && !errors.Is(err, io.EOF):
		return nil, unreadable(err)
	case bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, aurora.Errorf(aurora.Invalid, "The file is UTF-16. Save it as UTF-8.")
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) { // a byte-order mark
		head = head[3:]
		f.consume([]byte("\xef\xbb\xbf"))
		if _, err := f.r.Discard(3); err != nil {
			return nil, err
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("{")):
		f.json = true
		return f, nil
	case bytes.HasPrefix(head, []byte("[")):
		return nil, aurora.Errorf(aurora.Invalid, "The file is a JSON array. Write one object a line, as `jq -c '.[]'` does.")
	}
	return f, f.header()
}

func unreadable(err error) error {
	if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		return aurora.Errorf(aurora.Invalid, "The gzip file is damaged or cut off: %v. What came before was imported.", err)
	}
	return fmt.Errorf("the file cannot be read: %w", err)
}

func (f *importFile) consume(b []byte) {
	f.sum.Write(b)
	f.offset += int64(len(b))
}

// next returns the next line without its end; what it returns holds until the
// next call. A line that is too long is passed over and reported.
func (f *importFile) next() (line []byte, err error) {
	line, err = f.r.ReadSlice('\n')
	f.consume(line)
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			var rest []byte
			rest, err = f.r.ReadSlice('\n')
			f.consume(rest)
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = errTooLong
		}
		f.line++
		return nil, err
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
		return nil, err
	}
	f.line++
	return bytes.TrimRight(line, "\r\n"), nil
}

func (f *importFile) header() error {
	line, err := f.next()
	if err != nil {
		return unreadable(err)
	}
	f.comma = ','
	for _, other := range []byte{';', '\t'} {
		if bytes.Count(line, []byte{other}) > bytes.Count(line, []byte{f.comma}) {
			f.comma = other
		}
	}
	cells, err := splitCells(string(line), f.comma, nil)
	if err != nil || !utf8.Valid(line) {
		return aurora.Errorf(aurora.Invalid, "The file is neither CSV with a header line nor JSON lines.")
	}
	known := fields(0)
	for _, cell := range cells {
		place := columnPlace(cell)
		f.places = append(f.places, place)
		if place >= 0 && known&(1<<place) != 0 {
			return aurora.Errorf(aurora.Invalid, "The header names %s twice, perhaps once under another name. Remove or rename a column.", columns[place].name)
		}
		if place >= 0 {
			known |= 1 << place
		}
	}
	if !known.has("registration_id") && !known.has("token") {
		return aurora.Errorf(aurora.Missing, "The file's first line must name the columns, among them token or registration_id; it has %.200q. Columns that Aurora knows: %s.", line, ColumnNames())
	}
	return nil
}

// ColumnNames lists the columns of files of devices.
func ColumnNames() string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// skip passes over what was imported before, if it is still the same.
func (f *importFile) skip(to ImportState) error {
	for f.offset < to.Offset {
		if _, err := f.next(); err != nil && !errors.Is(err, errTooLong) {
			if errors.Is(err, io.EOF) {
				break
			}
			return unreadable(err)
		}
	}
	if to.Offset > 0 && (f.offset != to.Offset || !bytes.Equal(f.sum.Sum(nil), to.Digest)) {
		return aurora.Errorf(aurora.Conflict, "The file has changed since its import was begun: the first %d lines are not those that were imported. Put the old file back, or begin again (--again): known devices are changed then, not added twice.", to.Line)
	}
	return nil
}

// read sends the rest of the file in batches until it ends.
func (f *importFile) read(ctx context.Context, environment aurora.Environment, batches chan<- importBatch) {
	defer close(batches)
	for ended := false; !ended; {
		b := f.batch(environment)
		ended = b.end
		select {
		case batches <- b:
		case <-ctx.Done():
			return
		}
	}
}

func (f *importFile) batch(environment aurora.Environment) (b importBatch) {
	var cells []string
	tags := 0
	for len(b.rows)+len(b.rejected) < f.portion*importRows && tags < f.portion*importTags {
		line, err := f.next()
		if errors.Is(err, io.EOF) {
			b.end = true
			break
		}
		if err != nil && !errors.Is(err, errTooLong) {
			b.end, b.err = true, unreadable(err)
			break
		}
		if err == nil && len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		row := Row{Line: f.line}
		if err == nil && f.json {
			err = row.readObject(line)
		} else if err == nil {
			if cells, err = splitCells(string(line), f.comma, cells); err == nil {
				err = row.readCells(cells, f.places)
			}
		}
		if err == nil {
			err = row.check(environment)
		}
		if err != nil {
			b.rejected = append(b.rejected, Rejection{f.line, err.Error(), strings.ToValidUTF8(string(line[:min(len(line), 500)]), "�")})
			continue
		}
		tags += len(row.Device.Tags)
		b.rows = append(b.rows, row)
	}
	b.offset, b.line, b.digest = f.offset, f.line, f.sum.Sum(nil)
	return b
}

// Apply changes a stored device to what the row says; what it does not speak
// of stays.
func (r *Row) Apply(d *aurora.Device) { r.applyTo(d) }

// Sets reports whether the row speaks of a column.
func (r *Row) Sets(column string) bool { return r.fields.has(column) }

// Environment is that of the row's tokens.
func (r *Row) Environment() aurora.Environment { return r.environment }

// AliasError refuses an alias that others have already, if so many may not.
func (r *Row) AliasError(others int) error {
	if others < maxAliasDevices {
		return nil
	}
	return aurora.Errorf(aurora.Full, "The alias %q is already bound to %d devices, the most that may share one. Give the row another, or a tag.", r.Device.Alias, maxAliasDevices)
}

// InstallError refuses an install id that another device has.
func (r *Row) InstallError() error {
	return aurora.Errorf(aurora.Conflict, "The row's install_id is another device's. Leave it out.")
}
