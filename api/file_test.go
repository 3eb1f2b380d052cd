package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/registry"
)

// upload is a form with a file as JPush's clients send it.
func upload(kind, name, lines, ttl string) request {
	body := "--b\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"" + name + "\"\r\nContent-Type: application/octet-stream\r\n\r\n" + lines + "\r\n"
	if ttl != "" {
		body += "--b\r\nContent-Disposition: form-data; name=\"ttl\"\r\n\r\n" + ttl + "\r\n"
	}
	return request{path: "/v3/files/" + kind, body: body + "--b--\r\n", header: http.Header{"Content-Type": {"multipart/form-data; boundary=b"}}}
}

// fileID uploads and returns the file's id.
func (w *world) fileID(t *testing.T, r request) string {
	t.Helper()
	var answer map[string]string
	w.accepted(t, r, &answer)
	if len(answer) != 1 || len(answer["file_id"]) != 61 {
		t.Fatalf("%v", answer)
	}
	return answer["file_id"]
}

func filePush(id string) string {
	return `{"platform":"all","audience":{"file":{"file_id":"` + id + `"}},"notification":{"alert":"hi"},"options":{"apns_production":true}}`
}

// TestFilePush: exactly the devices of the file's lines are sent to, for both
// kinds of file and however the lines end.
func TestFilePush(t *testing.T) {
	w := startWorld(t)
	var ids []string
	for i, alias := range []string{"x", "y", "x", "读者", "z"} {
		ids = append(ids, w.register(t, w.app, fmt.Sprintf(`{"token":%q,"environment":"production","alias":%q}`, token(i), alias)).id)
	}
	w.register(t, w.other, `{"token":"`+token(9)+`","environment":"production","alias":"x"}`)
	for name, tt := range map[string]struct {
		r    request
		want []int
	}{
		"aliases":          {upload("alias", "vip.txt", "x\n读者\nnobody\n", "1"), []int{0, 2, 3}},
		"windows":          {upload("alias", "vip.txt", "\ufeffx\r\n\r\n y \r\nx\r\n", ""), []int{0, 1, 2}},
		"registration ids": {upload("registration_id", "ids", ids[4]+"\n"+ids[1], "720"), []int{1, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			id := w.fileID(t, tt.r.as(w.app))
			var p pushAnswer
			w.accepted(t, request{path: "/v3/push/file/", body: filePush(id)}.as(w.app), &p)
			w.settled(t, w.app, p.MessageID)
			if got, n := w.reached(p.MessageID); !slices.Equal(got, tt.want) || n != len(tt.want) {
				t.Errorf("reached %v in %d notifications, want %v", got, n, tt.want)
			}
		})
	}
}

// TestLongFile: a list of many devices is sent to whole, though it was deleted
// at once, and the stored selection goes with its job.
func TestLongFile(t *testing.T) {
	w := startWorld(t)
	const devices = 9000
	ids := make([]string, devices)
	var all sync.WaitGroup
	free := make(chan struct{}, 64)
	for i := range devices {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			id, err := w.s.Registry.Register(t.Context(), w.app.ID, registry.Registration{InstallID: fmt.Sprint("install-", i), Secret: strings.Repeat("s", 32), Platform: aurora.IOS})
			if err != nil {
				t.Error(err)
				return
			}
			d, err := w.s.Registry.Device(t.Context(), w.app.ID, id)
			if err != nil {
				t.Error(err)
				return
			}
			tok, production := token(i), aurora.Production
			if err := w.s.Registry.Apply(t.Context(), w.app.ID, d.Number, registry.Change{Token: &tok, Environment: &production}); err != nil {
				t.Error(err)
			}
			ids[i] = id
		})
	}
	all.Wait()
	listed := ids[:devices-7] // not all, so that a broadcast would show
	id := w.fileID(t, upload("registration_id", "many", strings.Join(listed, "\n"), "").as(w.app))
	var p pushAnswer
	w.accepted(t, request{path: "/v3/push/file", body: filePush(id)}.as(w.app), &p)
	w.accepted(t, request{method: "DELETE", path: "/v3/files/" + id}.as(w.app), nil)
	r := w.settled(t, w.app, p.MessageID)
	if r.Targeted != uint64(len(listed)) || r.Accepted != uint64(len(listed)) {
		t.Errorf("%+v, want %d", r, len(listed))
	}
	w.refused(t, request{path: "/v3/push/file", body: filePush(id)}.as(w.app), 400, 1003)
}

// TestFiles: what is stored is told back as JPush does, and only to its owner.
func TestFiles(t *testing.T) {
	w := startWorld(t)
	type stored struct {
		ID      string `json:"file_id"`
		Type    string `json:"type"`
		Name    string `json:"file_name"`
		Created string `json:"create_time"`
		Expires string `json:"expire_time"`
	}
	id := w.fileID(t, upload("alias", "vip.txt", "x", "2").as(w.app))
	var list struct {
		Total int      `json:"total_count"`
		Files []stored `json:"files"`
	}
	var one stored
	w.accepted(t, request{path: "/v3/files/"}.as(w.app), &list)
	w.accepted(t, request{path: "/v3/files/" + id}.as(w.app), &one)
	if list.Total != 1 || len(list.Files) != 1 || list.Files[0] != one || one.ID != id || one.Type != "alias" || one.Name != "vip.txt" || len(one.Created) != 19 || one.Expires <= one.Created {
		t.Errorf("%+v and %+v", list, one)
	}
	w.refused(t, request{path: "/v3/files/" + id}.as(w.other), 404, 1003)
	w.accepted(t, request{method: "DELETE", path: "/v3/files/" + id}.as(w.other), nil) // as good as gone for it
	w.accepted(t, request{path: "/v3/files/" + id}.as(w.app), nil)
	w.accepted(t, request{method: "DELETE", path: "/v3/files/" + id}.as(w.app), nil)
	w.accepted(t, request{method: "DELETE", path: "/v3/files/" + id}.as(w.app), nil)
	w.refused(t, request{path: "/v3/files/" + id}.as(w.app), 404, 1003)

	for i := range 20 {
		w.fileID(t, upload("registration_id", fmt.Sprint(i), strings.Repeat("a", 19), "").as(w.app))
	}
	w.refused(t, upload("alias", "one too many", "x", "").as(w.app), 400, 1003)
	w.fileID(t, upload("alias", "another app's", "x", "").as(w.other))
}

// TestUnusualForms: forms as JPush's Java client writes them (T12).
func TestUnusualForms(t *testing.T) {
	w := startWorld(t)
	header := http.Header{"Content-Type": {"multipart/form-data; boundary=---7d4a6d158c9"}}
	body := "\r\n-----7d4a6d158c9\r\nContent-Disposition:form-data;name=\"ttl\"\r\n\r\n5" +
		"\r\n-----7d4a6d158c9\r\nContent-Disposition:form-data;name=\"filename\";filename=\"读者.txt\"\r\nContent-Type:text/plain\r\n\r\nx\r\ny" +
		"\r\n-----7d4a6d158c9--"
	id := w.fileID(t, request{path: "/v3/files/alias", body: body, header: header}.as(w.app))
	var one map[string]string
	w.accepted(t, request{path: "/v3/files/" + id}.as(w.app), &one)
	if one["file_name"] != "读者.txt" {
		t.Errorf("%v", one)
	}
}

// TestGroupFile: an account's file serves its groups: each app looks its lines
// up among its own devices.
func TestGroupFile(t *testing.T) {
	w := startWorld(t)
	g := w.newGroup(t, "Both", w.app, w.other)
	d := w.owner
	w.register(t, w.app, `{"token":"`+token(0)+`","environment":"production","alias":"x"}`)
	w.register(t, w.other, `{"token":"`+token(1)+`","environment":"production","alias":"y"}`)
	id := w.fileID(t, upload("alias", "both", "x\ny", "").asDeveloper(d))
	var answer map[string]json.RawMessage
	w.accepted(t, request{path: "/v3/grouppush/file", body: filePush(id)}.asGroup(g), &answer)
	for i, app := range []aurora.App{w.app, w.other} {
		var p pushAnswer
		check(t, json.Unmarshal(answer[app.Key], &p))
		w.settled(t, app, p.MessageID)
		if got, _ := w.reached(p.MessageID); !slices.Equal(got, []int{i}) {
			t.Errorf("app %d reached %v", i, got)
		}
	}
	w.refused(t, request{path: "/v3/files/" + id}.as(w.app), 404, 1003) // the account's, not the app's
	// An app's own file is not the group's.
	own := w.fileID(t, upload("alias", "own", "x", "").as(w.app))
	w.accepted(t, request{path: "/v3/grouppush/file", body: filePush(own)}.asGroup(g), &answer)
	if !strings.Contains(string(answer[w.other.Key]), "1003") {
		t.Errorf("%s", answer[w.other.Key])
	}
}

// TestFileRefusals: what cannot be, each with its number.
func TestFileRefusals(t *testing.T) {
	w := startWorld(t)
	id := w.fileID(t, upload("alias", "empty handed", "nobody", "").as(w.app))
	foreign := w.fileID(t, upload("alias", "foreign", "x", "").as(w.other))
	broken := upload("alias", "x", "x", "")
	broken.body = broken.body[:len(broken.body)-8]
	push := func(audience string) request {
		return request{path: "/v3/push/file", body: `{"platform":"all","audience":` + audience + `,"notification":{"alert":"hi"}}`}.as(w.app)
	}
	for name, tt := range map[string]struct {
		r            request
		status, code int
	}{
		"nobody":            {upload("alias", "x", "x", ""), 401, 1004},
		"wrong secret":      {upload("alias", "x", "x", "").asDeveloper(developer{w.app.Key, aurora.NewKey()}), 401, 1004},
		"no form":           {request{path: "/v3/files/alias", body: "x"}.as(w.app), 400, 1002},
		"no file":           {upload("alias", "x", "x", "").replaced("name=\"filename\"", "name=\"file\"").as(w.app), 400, 1002},
		"a field":           {upload("alias", "x", "x", "").replaced("; filename=\"x\"", "").as(w.app), 400, 1003},
		"cut off":           {broken.as(w.app), 400, 1003},
		"empty":             {upload("alias", "x", "\r\n \n", "").as(w.app), 400, 1003},
		"long alias":        {upload("alias", "x", "fine\n"+strings.Repeat("读", 14), "").as(w.app), 400, 1003},
		"long line":         {upload("alias", "x", strings.Repeat("a", 100_000), "").as(w.app), 400, 1003},
		"binary":            {upload("alias", "x", "\xff\xfe\x00", "").as(w.app), 400, 1003},
		"no id":             {upload("registration_id", "x", "INVALID_ID", "").as(w.app), 400, 1003},
		"no hours":          {upload("alias", "x", "x", "soon").as(w.app), 400, 1003},
		"no time":           {upload("alias", "x", "x", "0").as(w.app), 400, 1003},
		"a month and more":  {upload("alias", "x", "x", "721").as(w.app), 400, 1003},
		"over 10 MB":        {upload("alias", "x", strings.Repeat("reader-1\n", 1_200_000), "").as(w.app), 400, 1005},
		"unknown kind":      {upload("mobile", "x", "x", "").as(w.app), 405, 1001},
		"nobody in it":      {push(`{"file":{"file_id":"` + id + `"}}`), 400, 1011},
		"another's":         {push(`{"file":{"file_id":"` + foreign + `"}}`), 400, 1003},
		"not there":         {push(`{"file":{"file_id":"x"}}`), 400, 1003},
		"no file_id":        {push(`{"file":{}}`), 400, 1003},
		"a text":            {push(`{"file":"` + id + `"}`), 400, 1003},
		"no file audience":  {push(`{"tag":["a"]}`), 400, 1003},
		"all":               {push(`"all"`), 400, 1003},
		"none":              {push(`null`), 400, 1002},
		"two":               {push(`{"file":{"file_id":"` + id + `"},"tag":["a"]}`), 400, 1003},
		"at /v3/push":       {request{path: "/v3/push", body: filePush(id)}.as(w.app), 400, 1003},
		"push by GET":       {request{path: "/v3/push/file"}.as(w.app), 405, 1001},
		"nothing to upload": {request{method: "POST", path: "/v3/files/alias"}.as(w.app), 400, 1002},
	} {
		t.Run(name, func(t *testing.T) { w.refused(t, tt.r, tt.status, tt.code) })
	}
	var list struct {
		Total int `json:"total_count"`
	}
	if w.accepted(t, request{path: "/v3/files"}.as(w.app), &list); list.Total != 1 {
		t.Errorf("refused uploads left %d files", list.Total-1)
	}
}

func (r request) replaced(from, to string) request {
	r.body = strings.Replace(r.body, from, to, 1)
	return r
}
