package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
)

// route is a handler with the family whose numbers its refusals carry.
type route struct {
	method  string
	pattern []string // path segments; "{name}" matches any one
	family  family
	handle  handler
	call    call // instead of handle, for callers that are no app
}

// handler answers a request of an app, which a server has proved; the device
// API's handlers prove the device themselves and get none.
type handler func(*server, *http.Request, aurora.App) (any, error)

func at(method, pattern string, f family, handle handler) route {
	return route{method: method, pattern: strings.Split(strings.TrimPrefix(pattern, "/"), "/"), family: f, handle: handle}
}

// by is a route whose caller is no app.
func by(method, pattern string, f family, c call) route {
	rt := at(method, pattern, f, nil)
	rt.call = c
	return rt
}

// forDevice makes a handler of the device API.
func forDevice(handle func(*server, *http.Request) (any, error)) handler {
	return func(s *server, r *http.Request, _ aurora.App) (any, error) { return handle(s, r) }
}

// routes lists everything served below /v1 and /v3. More than one method may
// share a pattern; a literal segment goes before a named one.
var routes = []route{
	at("POST", "/v3/push", pushFamily, (*server).push),
	at("POST", "/v3/push/validate", pushFamily, (*server).validate),
	at("GET", "/v3/push/cid", pushFamily, (*server).cids),
	at("DELETE", "/v3/push/{id}", pushFamily, (*server).withdraw),
	at("POST", "/v3/push/batch/regid/single", pushFamily, (*server).batchByRegistration),
	at("POST", "/v3/push/batch/alias/single", pushFamily, (*server).batchByAlias),

	at("GET", "/v3/push/quota", flatFamily, (*server).quota),
	at("POST", "/v3/push/template", flatFamily, (*server).templatePush),
	at("POST", "/v3/push/template/schedule", flatFamily, (*server).templateSchedule),
	at("POST", "/v3/push_plan/create", flatFamily, (*server).createPlan),
	at("PUT", "/v3/push_plan/update", flatFamily, (*server).changePlan),
	at("GET", "/v3/push_plan/list", flatFamily, (*server).plans),
	at("POST", "/v3/images/byurls", pushFamily, (*server).createImageByURLs),
	at("PUT", "/v3/images/byurls/{id}", pushFamily, (*server).changeImageByURLs),
	at("POST", "/v3/images/byfiles", pushFamily, (*server).createImageByFiles),
	at("PUT", "/v3/images/byfiles/{id}", pushFamily, (*server).changeImageByFiles),
	at("POST", "/v3/test/model/add", flatFamily, (*server).addTestDevice),
	at("PUT", "/v3/test/model/update", flatFamily, (*server).changeTestDevice),
	at("DELETE", "/v3/test/model/delete/{id}", flatFamily, (*server).dropTestDevice),
	at("GET", "/v3/test/model/list", flatFamily, (*server).testDevices),

	at("POST", "/v3/push/file", pushFamily, (*server).filePush),
	by("POST", "/v3/grouppush/file", pushFamily, forGroup(pushFamily, (*server).groupFilePush)),
	ofFiles("POST", "/v3/files/alias", uploadFile(dispatch.AliasFile)),
	ofFiles("POST", "/v3/files/registration_id", uploadFile(dispatch.RegistrationFile)),
	ofFiles("GET", "/v3/files", (*server).files),
	ofFiles("GET", "/v3/files/{id}", (*server).file),
	ofFiles("DELETE", "/v3/files/{id}", (*server).dropFile),

	by("POST", "/v3/grouppush", pushFamily, forGroup(pushFamily, (*server).groupPush)),
	by("GET", "/v3/group/users", reportFamily, forGroup(reportFamily, (*server).groupUsers)),
	by("GET", "/v3/group/messages/detail", reportFamily, forGroup(reportFamily, (*server).groupMessagesDetail)),

	at("POST", "/v3/devices/status", labelFamily, (*server).deviceStatus),
	at("GET", "/v3/devices/{id}", labelFamily, (*server).deviceLabels),
	at("POST", "/v3/devices/{id}", labelFamily, (*server).changeLabels),
	at("GET", "/v3/aliases/{alias}", labelFamily, (*server).alias),
	at("POST", "/v3/aliases/{alias}", labelFamily, (*server).changeAlias),
	at("DELETE", "/v3/aliases/{alias}", labelFamily, (*server).dropAlias),
	at("GET", "/v3/tags", labelFamily, (*server).tags),
	at("GET", "/v3/tags/{tag}/registration_ids/{id}", labelFamily, (*server).hasTag),
	at("POST", "/v3/tags/{tag}", labelFamily, (*server).changeTag),
	at("DELETE", "/v3/tags/{tag}", labelFamily, (*server).dropTag),

	at("POST", "/v3/schedules", scheduleFamily, (*server).createSchedule),
	at("GET", "/v3/schedules", scheduleFamily, (*server).schedules),
	at("GET", "/v3/schedules/{id}", scheduleFamily, (*server).schedule),
	at("PUT", "/v3/schedules/{id}", scheduleFamily, (*server).changeSchedule),
	at("DELETE", "/v3/schedules/{id}", scheduleFamily, (*server).deleteSchedule),
	at("GET", "/v3/schedules/{id}/msg_ids", scheduleFamily, (*server).scheduleMessages),

	at("GET", "/v3/received", reportFamily, (*server).received),
	at("GET", "/v3/received/detail", reportFamily, (*server).receivedDetail),
	at("GET", "/v3/messages", reportFamily, (*server).messages),
	at("GET", "/v3/messages/detail", reportFamily, (*server).messagesDetail),
	at("GET", "/v3/users", reportFamily, (*server).users),
	at("POST", "/v3/status/message", reportFamily, (*server).messageStatus),

	by("POST", "/v1/app", adminFamily, forDeveloper((*server).createApp)),
	by("POST", "/v1/app/{app}/delete", adminFamily, forDeveloper((*server).deleteApp)),
	by("DELETE", "/v1/app/{app}/delete", adminFamily, forDeveloper((*server).deleteApp)),
	by("POST", "/v1/app/{app}/certificate", adminFamily, forDeveloper((*server).uploadCertificates)),

	at("POST", "/v1/devices", deviceFamily, forDevice((*server).registerDevice)),
	at("GET", "/v1/devices/{id}", deviceFamily, forDevice((*server).device)),
	at("PATCH", "/v1/devices/{id}", deviceFamily, forDevice((*server).changeDevice)),
	at("GET", "/v1/devices/{id}/messages", deviceFamily, forDevice((*server).inbox)),
	at("POST", "/v1/devices/{id}/receipts", deviceFamily, forDevice((*server).receipts)),

	at("GET", "/v1/messages/{id}", reportFamily, (*server).message),
	at("GET", "/v1/messages/{id}/devices", reportFamily, (*server).messageDevices),
	at("GET", "/v1/messages/{id}/devices/{device}", reportFamily, (*server).messageTimeline),

	at("POST", "/v1/audience/count", pushFamily, (*server).countAudience),
	at("GET", "/v1/segments", manageFamily, (*server).segments),
	at("POST", "/v1/segments", manageFamily, (*server).createSegment),
	at("GET", "/v1/segments/{segment}", manageFamily, (*server).segment),
	at("PUT", "/v1/segments/{segment}", manageFamily, (*server).replaceSegment),
	at("DELETE", "/v1/segments/{segment}", manageFamily, (*server).deleteSegment),

	at("GET", "/v1/quarantine", manageFamily, (*server).quarantine),
	at("POST", "/v1/quarantine/restore", manageFamily, (*server).restore),

	at("GET", "/v1/keys", manageFamily, (*server).apiKeys),
	at("POST", "/v1/keys", manageFamily, (*server).createAPIKey),
	at("DELETE", "/v1/keys/{id}", manageFamily, (*server).revokeAPIKey),
	at("GET", "/v1/access", manageFamily, (*server).allowList),
	at("PUT", "/v1/access", manageFamily, (*server).setAllowList),
	at("POST", "/v1/secret/rotate", manageFamily, (*server).rotateSecret),
	at("GET", "/v1/audit", manageFamily, (*server).audit),

	at("GET", "/v1/webhooks", manageFamily, (*server).webhooks),
	at("POST", "/v1/webhooks", manageFamily, (*server).createWebhook),
	at("GET", "/v1/webhooks/{id}", manageFamily, (*server).webhook),
	at("PATCH", "/v1/webhooks/{id}", manageFamily, (*server).changeWebhook),
	at("DELETE", "/v1/webhooks/{id}", manageFamily, (*server).removeWebhook),
	at("POST", "/v1/webhooks/{id}/rotate", manageFamily, (*server).rotateWebhook),
	at("POST", "/v1/webhooks/{id}/test", manageFamily, (*server).testWebhook),
	at("POST", "/v1/webhooks/{id}/replay", manageFamily, (*server).replayWebhook),
	at("GET", "/v1/webhooks/{id}/deliveries", manageFamily, (*server).deliveries),
	at("GET", "/v1/events", manageFamily, (*server).events),
}

// ServeHTTP routes without ever redirecting: official clients send doubled and
// trailing slashes and do not follow redirects (spec/rest-api.md §2.1, T1–T3).
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	segments := segmentsOf(r.URL)
	rt, values, known := find(r.Method, segments)
	if rt == nil {
		s.refuseRoute(w, r, segments, known)
		return
	}
	for name, value := range values {
		r.SetPathValue(name, value)
	}
	var waited time.Duration
	if s.Watch != nil {
		ctx, answered := s.Watch(r, "/"+strings.Join(rt.pattern, "/"))
		watched := &statusWriter{ResponseWriter: w}
		defer func() { answered(watched.status, waited) }()
		w, r = watched, r.WithContext(context.WithValue(ctx, waitKey{}, &waited))
	}
	answer, err := s.serve(w, r, rt)
	if err != nil {
		s.refuse(w, r, rt.family, err)
		return
	}
	if stream, ok := answer.(streaming); ok {
		defer noteWait(r.Context(), time.Now())
		stream(w, r)
		return
	}
	respond(w, http.StatusOK, answer)
}

type waitKey struct{}

// noteWait says that a request has waited since a moment for something to
// happen, as its caller wished: that is no slowness of the server.
func noteWait(ctx context.Context, since time.Time) {
	if waited, ok := ctx.Value(waitKey{}).(*time.Duration); ok {
		*waited += time.Since(since)
	}
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (s *server) serve(w http.ResponseWriter, r *http.Request, rt *route) (any, error) {
	if err := aurora.CheckText("The path", r.URL.Path); err != nil {
		return nil, err
	}
	if err := checkQuery(r.URL.RawQuery); err != nil {
		return nil, err
	}
	if err := decodeEncoding(r); err != nil {
		return nil, err
	}
	if rt.call != nil {
		return rt.call(s, w.Header(), r)
	}
	if rt.family == deviceFamily {
		return rt.handle(s, r, aurora.App{})
	}
	c, r, err := s.admitted(w.Header(), r, rt)
	if err != nil {
		return nil, err
	}
	return rt.handle(s, r, c.App)
}

// checkQuery refuses a query of which a part would be dropped: handlers take
// the first of several equal parameters, and net/url skips what it cannot read.
func checkQuery(raw string) error {
	if raw == "" {
		return nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return aurora.Errorf(aurora.Invalid, "The query of the address cannot be read: write name=value, joined by &, with %%XX for other characters.")
	}
	for name, list := range values {
		if len(list) > 1 {
			return aurora.Errorf(aurora.Invalid, "The query has %.80q %d times. Write each parameter once.", name, len(list))
		}
		if err := aurora.CheckText(name, list[0]); err != nil {
			return err
		}
	}
	return nil
}

// find returns the route for a method and path with the values of its named
// segments; known tells whether another method is served there.
func find(method string, segments []string) (found *route, values map[string]string, known bool) {
	for i := range routes {
		v, ok := match(routes[i].pattern, segments)
		if !ok {
			continue
		}
		if routes[i].method == method {
			return &routes[i], v, true
		}
		known = known || !anotherFamily(&routes[i], v)
	}
	return nil, nil, known
}

// anotherFamily reports whether a path that looks like a message to withdraw is
// none: a message id is digits only, and /v3/push/file or /v3/push/quota are
// families of their own (spec/rest-api.md §1.2). Were they taken for a message
// and a wrong method, JPush's Java client could not read the answer (R7).
func anotherFamily(r *route, values map[string]string) bool {
	return len(r.pattern) == 3 && r.pattern[1] == "push" && strings.Trim(values["id"], "0123456789") != ""
}

func match(pattern, segments []string) (map[string]string, bool) {
	if len(pattern) != len(segments) {
		return nil, false
	}
	values := map[string]string{}
	for i, p := range pattern {
		if strings.HasPrefix(p, "{") {
			values[strings.Trim(p, "{}")] = segments[i]
		} else if p != segments[i] {
			return nil, false
		}
	}
	return values, true
}

// segmentsOf splits the path as it was sent, so that %2F inside a tag stays in
// its segment, then decodes each part; "+" is a plus there (T4). JPush's zone
// paths become the default ones (spec/rest-api.md §1.2).
func segmentsOf(u *url.URL) []string {
	var segments []string
	for part := range strings.SplitSeq(u.EscapedPath(), "/") {
		if part == "" {
			continue
		}
		if decoded, err := url.PathUnescape(part); err == nil {
			part = decoded
		}
		segments = append(segments, part)
	}
	if len(segments) < 3 || segments[0] != "v3" {
		return segments
	}
	switch {
	case segments[1] == "report",
		segments[1] == "device" && (segments[2] == "aliases" || segments[2] == "tags"),
		segments[1] == "push" && segments[2] == "schedules":
		return slices.Delete(segments, 1, 2)
	case segments[1] == "device":
		segments[1] = "devices"
	}
	return segments
}
