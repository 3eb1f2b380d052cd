package api

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/audience"
	"github.com/aurora-push/aurora/dispatch"
)

// Files keeps lists of aliases or registration ids that pushes are sent to.
type Files interface {
	Add(ctx context.Context, f dispatch.File, lines io.Reader, hours func() (int, error)) error
	Files(ctx context.Context, owner dispatch.FileOwner) ([]dispatch.File, error)
	File(ctx context.Context, owner dispatch.FileOwner, id string) (dispatch.File, error)
	Drop(ctx context.Context, owner dispatch.FileOwner, id string) error
}

// fileCaller is who owns the files of a call: an app, or an account, whose
// files serve its groups (spec/rest-api.md §8.4).
type fileCaller struct {
	key   string // begins the ids of its files
	owner dispatch.FileOwner
}

// ofFiles is a route of the files family. Its caller proves itself as an app, or
// by the developer key of its account.
func ofFiles(method, pattern string, handle func(*server, *http.Request, fileCaller) (any, error)) route {
	rt := at(method, pattern, fileFamily, nil)
	rt.call = func(s *server, h http.Header, r *http.Request) (any, error) {
		if key, secret, ok := r.BasicAuth(); ok && aurora.ValidKey(key) {
			a, err := s.Owners.AuthenticateDeveloper(r.Context(), key, secret)
			if err == nil {
				if err := s.limit(h, surface{ofAccount, a.ID, fileFamily}); err != nil {
					return nil, err
				}
				return handle(s, r, fileCaller{a.DevKey, dispatch.FileOwner{AccountID: a.ID}})
			}
			if k := aurora.KindOf(err); k != aurora.NotFound && k != aurora.Unauthorized {
				return nil, err
			}
		}
		c, r, err := s.admitted(h, r, &rt)
		if err != nil {
			return nil, err
		}
		return handle(s, r, fileCaller{c.App.Key, dispatch.FileOwner{AccountID: c.App.AccountID, AppID: c.App.ID}})
	}
	return rt
}

// maxFileForm is the largest upload: a file of 10 MB with what a form needs.
const maxFileForm = dispatch.MaxFile + 64<<10

// uploadFile is POST /v3/files/alias and /v3/files/registration_id.
func uploadFile(kind dispatch.FileKind) func(*server, *http.Request, fileCaller) (any, error) {
	return func(s *server, r *http.Request, c fileCaller) (any, error) {
		f := dispatch.File{ID: c.key + "-" + newUUID(), Owner: c.owner, Kind: kind}
		hours, found := dispatch.MaxFileHours, false
		next := partsOf(r, maxFileForm)
		for {
			p, err := next()
			if err == errNoMoreParts {
				break
			}
			if err == nil && p.FormName() == "ttl" {
				hours, err = hoursOf(p)
			}
			if err != nil {
				return nil, formError(err)
			}
			if p.FormName() != "filename" {
				continue
			}
			if found = true; p.FileName() == "" {
				return nil, aurora.Errorf(aurora.Invalid, "The part filename must be a file, with a name of its own.")
			}
			f.Name = p.FileName()
			// A ttl may follow the file, so the rest of the form is read within.
			err = s.Files.Add(r.Context(), f, p, func() (int, error) { return hoursAfter(next, hours) })
			if unread, ok := errors.AsType[dispatch.UnreadFile](err); ok {
				return nil, formError(unread.Err)
			}
			if err != nil {
				return nil, err
			}
			break
		}
		if !found {
			return nil, aurora.Errorf(aurora.Missing, "The form has no file. Send it as the part filename.")
		}
		return struct { // strict
			ID string `json:"file_id"`
		}{f.ID}, nil
	}
}

func hoursOf(p *multipart.Part) (int, error) {
	text, err := fieldText(p)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0, aurora.Errorf(aurora.Invalid, "ttl must be 1 to %d hours.", dispatch.MaxFileHours)
	}
	return n, nil
}

func hoursAfter(next func() (*multipart.Part, error), hours int) (int, error) {
	for {
		p, err := next()
		if err == errNoMoreParts {
			return hours, nil
		}
		if err == nil && p.FormName() == "ttl" {
			hours, err = hoursOf(p)
		}
		if err != nil {
			return 0, formError(err)
		}
	}
}

// fileAnswer is a file in JPush's words; times are China's.
type fileAnswer struct {
	ID      string `json:"file_id"`
	Kind    string `json:"type"`
	Name    string `json:"file_name"`
	Created string `json:"create_time"`
	Expires string `json:"expire_time"`
}

func fileAnswerOf(f dispatch.File) fileAnswer {
	return fileAnswer{f.ID, string(f.Kind), f.Name, inChina(f.CreatedAt), inChina(f.ExpiresAt)}
}

// files is GET /v3/files.
func (s *server) files(r *http.Request, c fileCaller) (any, error) {
	list, err := s.Files.Files(r.Context(), c.owner)
	if err != nil {
		return nil, err
	}
	answers := make([]fileAnswer, len(list))
	for i, f := range list {
		answers[i] = fileAnswerOf(f)
	}
	return struct {
		Total int          `json:"total_count"`
		Files []fileAnswer `json:"files"`
	}{len(list), answers}, nil
}

// file is GET /v3/files/{id}.
func (s *server) file(r *http.Request, c fileCaller) (any, error) {
	f, err := s.Files.File(r.Context(), c.owner, r.PathValue("id"))
	return fileAnswerOf(f), err
}

// dropFile is DELETE /v3/files/{id}; a file that is not there is as good.
func (s *server) dropFile(r *http.Request, c fileCaller) (any, error) {
	return empty{}, s.Files.Drop(r.Context(), c.owner, r.PathValue("id"))
}

// filePush is POST /v3/push/file: a push whose audience is a file. The file is
// resolved now; what becomes of it later does not matter to the push.
func (s *server) filePush(r *http.Request, app aurora.App) (any, error) {
	request, err := filePushRequest(r)
	if err != nil {
		return nil, err
	}
	if err := checkCID(app, request.CID); err != nil {
		return nil, err
	}
	receipt, err := s.Dispatcher.Accept(r.Context(), app, request)
	return answerOf(receipt), err
}

// groupFilePush is POST /v3/grouppush/file: each app looks the lines up among
// its own devices. The file is the account's.
func (s *server) groupFilePush(r *http.Request, g aurora.Group) (any, error) {
	request, err := filePushRequest(r)
	if err != nil {
		return nil, err
	}
	return s.acceptGroup(r, g, request)
}

func filePushRequest(r *http.Request) (dispatch.Request, error) {
	top, err := pushBody(r)
	if err != nil {
		return dispatch.Request{}, err
	}
	id, err := fileID(top)
	if err != nil {
		return dispatch.Request{}, err
	}
	top.members["audience"] = []byte(`"all"`) // checked above; the file takes its place
	request, err := decodePushObject(top)
	request.Audience, request.File = audience.All(), id
	return request, err
}

// fileID reads {"file":{"file_id":"…"}}, which stands alone.
func fileID(top object) (string, error) {
	const want = "audience must be {\"file\":{\"file_id\":\"…\"}} here, with an id from POST /v3/files/alias or /v3/files/registration_id."
	if top.raw("audience") == nil {
		return "", aurora.Errorf(aurora.Missing, "audience is missing.")
	}
	list, _, err := top.object("audience")
	if err != nil {
		return "", aurora.Errorf(aurora.Invalid, want)
	}
	if other := otherSelector(list, "file"); other != "" {
		return "", aurora.Errorf(aurora.Invalid, "audience.file stands alone. Leave audience.%s out.", other)
	}
	file, ok, err := list.object("file")
	if err != nil || !ok {
		return "", aurora.Errorf(aurora.Invalid, want)
	}
	id, ok, err := file.text("file_id")
	if err == nil && (!ok || id == "") {
		err = aurora.Errorf(aurora.Invalid, want)
	}
	return id, err
}
