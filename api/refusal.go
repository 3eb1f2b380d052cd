package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/registry"
)

// family is a group of routes that JPush serves from one host, with numbers of
// its own.
type family uint8

const (
	pushFamily   family = iota
	deviceFamily        // the device API, for SDKs
	labelFamily         // devices, aliases and tags, for servers
	reportFamily
	scheduleFamily
	manageFamily // keys, allow-lists, webhooks, events, audit: Aurora's own
	fileFamily   // audience files
	flatFamily   // plans, templates, test devices, quota: with an envelope of their own
	adminFamily  // apps and their certificates, for developers
)

// number is how a refusal looks on the wire.
type number struct{ status, code int }

// refusals gives each kind of refusal its HTTP status and number in each
// family (spec/rest-api.md §6).
var refusals = map[family]map[aurora.Kind]number{
	pushFamily: {
		aurora.Internal:     {500, 1000},
		aurora.Missing:      {400, 1002},
		aurora.Invalid:      {400, 1003},
		aurora.NotFound:     {400, 1003},
		aurora.Conflict:     {400, 1003},
		aurora.Full:         {400, 1003},
		aurora.Unauthorized: {401, 1004},
		aurora.TooLarge:     {400, 1005},
		aurora.NoTarget:     {400, 1011},
		aurora.Unavailable:  {503, 1030},
		aurora.TooMany:      {429, 2002},
		aurora.Forbidden:    {403, 2007},
	},
	deviceFamily: {
		aurora.Internal:     {500, 7000},
		aurora.Missing:      {400, 7002},
		aurora.Invalid:      {400, 7002},
		aurora.TooLarge:     {400, 7002},
		aurora.NotFound:     {404, 7002},
		aurora.Conflict:     {400, 7002},
		aurora.Full:         {400, 7015},
		aurora.Unauthorized: {401, 7004},
		aurora.Forbidden:    {403, 7004},
		aurora.Unavailable:  {503, 7030},
		aurora.TooMany:      {429, 2002},
	},
	labelFamily: {
		aurora.Internal:     {500, 7000},
		aurora.Missing:      {400, 7002},
		aurora.Invalid:      {400, 7002},
		aurora.TooLarge:     {400, 7002},
		aurora.NotFound:     {400, 7002},
		aurora.Conflict:     {400, 7002},
		aurora.Full:         {400, 7015},
		aurora.Unauthorized: {401, 7004},
		aurora.Forbidden:    {403, 2003},
		aurora.Unavailable:  {503, 7030},
		aurora.TooMany:      {429, 2002},
	},
	reportFamily: {
		aurora.Internal:     {500, 10},
		aurora.Missing:      {400, 3002},
		aurora.Invalid:      {400, 3002},
		aurora.TooLarge:     {400, 3002},
		aurora.NotFound:     {404, 3002},
		aurora.Unauthorized: {401, 3001},
		aurora.Forbidden:    {403, 2003},
		aurora.Unavailable:  {503, 10},
		aurora.TooMany:      {429, 2002},
	},
	scheduleFamily: {
		aurora.Internal:     {500, 8200},
		aurora.Missing:      {400, 8100},
		aurora.Invalid:      {400, 8100},
		aurora.TooLarge:     {400, 8100},
		aurora.Conflict:     {400, 8100},
		aurora.Full:         {400, 8100},
		aurora.Unauthorized: {401, 8101},
		aurora.NotFound:     {404, 8104},
		aurora.Unavailable:  {503, 8203},
		aurora.TooMany:      {429, 2002},
		aurora.Forbidden:    {403, 2007},
	},
	manageFamily: {
		aurora.Internal:     {500, 9000},
		aurora.Missing:      {400, 9002},
		aurora.Invalid:      {400, 9002},
		aurora.TooLarge:     {400, 9002},
		aurora.Conflict:     {400, 9002},
		aurora.Unauthorized: {401, 9004},
		aurora.Forbidden:    {403, 9003},
		aurora.NotFound:     {404, 9005},
		aurora.Full:         {400, 9006},
		aurora.Unavailable:  {503, 9030},
		aurora.TooMany:      {429, 2002},
	},
	flatFamily: {
		aurora.Internal:     {500, 1000},
		aurora.Missing:      {400, 1002},
		aurora.Invalid:      {400, 1003},
		aurora.Full:         {400, 1003},
		aurora.NotFound:     {400, 1003},
		aurora.Conflict:     {400, 1003},
		aurora.Unauthorized: {401, 1004},
		aurora.TooLarge:     {400, 1005},
		aurora.NoTarget:     {400, 1011},
		aurora.Unavailable:  {503, 1030},
		aurora.TooMany:      {429, 2002},
		aurora.Forbidden:    {403, 2007},
	},
	fileFamily: {
		aurora.Internal:     {500, 1000},
		aurora.Missing:      {400, 1002},
		aurora.Invalid:      {400, 1003},
		aurora.Full:         {400, 1003},
		aurora.NotFound:     {404, 1003},
		aurora.Conflict:     {400, 1003},
		aurora.Unauthorized: {401, 1004},
		aurora.TooLarge:     {400, 1005},
		aurora.Unavailable:  {503, 1030},
		aurora.TooMany:      {429, 2002},
		aurora.Forbidden:    {403, 2007},
	},
	adminFamily: {
		aurora.Internal:     {500, 10},
		aurora.Missing:      {400, 4002},
		aurora.Invalid:      {400, 4003},
		aurora.TooLarge:     {400, 4003},
		aurora.NotFound:     {404, 4003},
		aurora.Conflict:     {400, 4003},
		aurora.Full:         {400, 4003},
		aurora.Unauthorized: {401, 4007},
		aurora.Forbidden:    {403, 4007},
		aurora.Unavailable:  {503, 10},
		aurora.TooMany:      {429, 2002},
	},
}

// managed are the second segments of paths of the management family.
var managed = []string{"keys", "access", "secret", "audit", "webhooks", "events", "segments", "quarantine"}

// numbered is a refusal whose number does not follow from its kind.
type numbered struct {
	status, code int
	text         string
}

func (n numbered) Error() string { return n.text }

// errorBody is JPush's envelope; doc is additive.
type errorBody struct {
	Error refusal `json:"error"`
}

type refusal struct {
	Code       int      `json:"code"`
	Message    string   `json:"message"`
	Doc        string   `json:"doc"`
	IllegalIDs []string `json:"illegal_rids,omitempty"`
}

func (s *server) refuse(w http.ResponseWriter, r *http.Request, f family, err error) {
	n, text := s.numberOf(r, f, err)
	b := errorBody{refusal{Code: n.code, Message: text, Doc: s.docOf(n.code)}}
	if unknown, ok := errors.AsType[*registry.UnknownDevices](err); ok {
		b.Error.IllegalIDs = unknown.IDs
	}
	if n.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="Aurora"`)
	}
	if f == flatFamily {
		respond(w, n.status, flatAnswer{Code: n.code, Message: text})
		return
	}
	respond(w, n.status, b)
}

func (s *server) numberOf(r *http.Request, f family, err error) (number, string) {
	if n, ok := err.(numbered); ok {
		return number{n.status, n.code}, n.text
	}
	if unknown, ok := errors.AsType[*registry.UnknownDevices](err); ok {
		return number{400, 7013}, unknown.Error()
	}
	if errors.Is(err, dispatch.ErrBroadcasts) {
		return number{403, 2008}, err.Error()
	}
	if errors.Is(err, dispatch.ErrPaced) {
		return number{400, 1012}, err.Error()
	}
	kind := aurora.KindOf(err)
	n, ok := refusals[f][kind]
	if !ok {
		n, kind = refusals[f][aurora.Internal], aurora.Internal
	}
	if kind != aurora.Internal {
		if refusal, ok := errors.AsType[*aurora.Error](err); ok && kind == aurora.Unavailable && refusal.Err != nil {
			s.Logger.ErrorContext(r.Context(), "a request was refused for a trouble of this machine", "method", r.Method, "path", r.URL.Path, "error", refusal.Err)
		}
		return n, err.Error()
	}
	if r.Context().Err() == nil { // a caller who hung up is no defect
		s.Logger.ErrorContext(r.Context(), "a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	return n, "Something went wrong in Aurora. Nothing was sent; the log has the cause."
}

// docOf is where a number is explained: on a page of this server.
func (s *server) docOf(code int) string {
	return fmt.Sprintf("%s/reference/errors#%d", strings.TrimSuffix(s.PublicURL, "/"), code)
}

// refuseRoute answers for a path that is not served, or not with this method.
func (s *server) refuseRoute(w http.ResponseWriter, r *http.Request, segments []string, known bool) {
	f := pushFamily
	if len(segments) > 1 {
		switch segments[1] {
		case "devices":
			f = deviceFamily
		case "schedules":
			f = scheduleFamily
		case "app":
			f = adminFamily
		}
	}
	if len(segments) > 1 && segments[0] == "v1" && slices.Contains(managed, segments[1]) {
		f = manageFamily
	}
	path := "/" + strings.Join(segments, "/")
	if known {
		code := 1001
		if f == adminFamily {
			code = 4001
		}
		s.refuse(w, r, f, numbered{http.StatusMethodNotAllowed, code, fmt.Sprintf("The method %.20s does not fit %.100s.", r.Method, path)})
		return
	}
	s.refuse(w, r, f, numbered{http.StatusNotFound, refusals[f][aurora.NotFound].code, fmt.Sprintf("There is nothing at %.100q.", path)})
}
