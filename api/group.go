package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/aurora-push/aurora"
	"github.com/aurora-push/aurora/dispatch"
	"github.com/aurora-push/aurora/ledger"
)

// GroupDispatcher accepts pushes to groups of apps.
type GroupDispatcher interface {
	AcceptGroup(ctx context.Context, groupID int64, apps []aurora.App, r dispatch.Request) (aurora.MessageID, []dispatch.GroupReceipt, error)
	GroupMessages(ctx context.Context, groupID int64, id aurora.MessageID) ([]dispatch.GroupMessage, error)
}

// groupPush is POST /v3/grouppush: the push for each app of the group. It
// answers once it is durable for all that took it, with 200 also if none did.
func (s *server) groupPush(r *http.Request, g aurora.Group) (any, error) {
	top, err := pushBody(r)
	if err != nil {
		return nil, err
	}
	if options, ok, err := top.object("options"); err != nil {
		return nil, err
	} else if ok && options.raw("override_msg_id") != nil {
		return nil, aurora.Errorf(aurora.Invalid, "options.override_msg_id is not possible for a group: its apps' messages have different ids. Leave it out.")
	}
	request, err := decodePushObject(top)
	if err != nil {
		return nil, err
	}
	return s.acceptGroup(r, g, request)
}

func (s *server) acceptGroup(r *http.Request, g aurora.Group, request dispatch.Request) (any, error) {
	if err := checkGroupCID(g, request.CID); err != nil {
		return nil, err
	}
	apps, err := s.Owners.GroupApps(r.Context(), g.ID)
	if err != nil {
		return nil, err
	}
	apps, kept, err := s.admitting(r, apps)
	if err != nil {
		return nil, err
	}
	id, receipts, err := s.Groups.AcceptGroup(r.Context(), g.ID, apps, request)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"group_msgid": id.String()}
	receipts = append(receipts, kept...)
	for _, one := range receipts {
		answer[one.AppKey] = answerOf(one.Receipt)
		if one.Err != nil {
			n, text := s.numberOf(r, pushFamily, one.Err)
			answer[one.AppKey] = batchItem{Error: &refusal{Code: n.code, Message: text, Doc: s.docOf(n.code)}}
		}
	}
	return answer, nil
}

// admitting parts a group's apps into those that may be called from here, and
// the refusals of the others: an app's allow-list holds for its groups too.
func (s *server) admitting(r *http.Request, apps []aurora.App) (open []aurora.App, kept []dispatch.GroupReceipt, err error) {
	from := s.address(r)
	for _, app := range apps {
		list, err := s.Owners.AllowList(r.Context(), app.ID)
		if err != nil {
			return nil, nil, err
		}
		if len(list) == 0 || list.Has(from) {
			open = append(open, app)
			continue
		}
		kept = append(kept, dispatch.GroupReceipt{AppKey: app.Key, Err: numbered{http.StatusForbidden, 2004, "The address of this call is not on the app's allow-list."}})
	}
	if len(open) == 0 && len(kept) > 0 {
		return nil, nil, kept[0].Err
	}
	return open, kept, nil
}

// checkGroupCID refuses a cid that is not the group's.
func checkGroupCID(g aurora.Group, cid string) error {
	if checkCID(aurora.App{Key: g.Key}, cid) == nil {
		return nil
	}
	return aurora.Errorf(aurora.Invalid, "cid is not this group's. Write the group key, a hyphen and a UUID, or leave it out.")
}

// maxGroupReports is how many pushes to groups a report tells of
// (spec/rest-api.md §11.1).
const maxGroupReports = 10

// groupMessagesDetail is GET /v3/group/messages/detail: the numbers of all the
// group's apps together, one item for each id, in order.
func (s *server) groupMessagesDetail(r *http.Request, g aurora.Group) (any, error) {
	ids, err := messageIDs(r.URL.Query().Get("group_msgids"))
	if err != nil {
		return nil, aurora.Errorf(aurora.KindOf(err), "group_msgids must be a comma-separated list of 1 to %d ids, as POST /v3/grouppush answers them.", maxGroupReports)
	}
	if len(ids) > maxGroupReports {
		return nil, aurora.Errorf(aurora.Invalid, "group_msgids has %d ids; at most %d are allowed.", len(ids), maxGroupReports)
	}
	open, err := s.openApps(r, g)
	if err != nil {
		return nil, err
	}
	items := make([]any, len(ids))
	for i, id := range ids {
		sum, known, err := s.groupReport(r.Context(), g.ID, open, id)
		if err != nil {
			return nil, err
		}
		n := detailNumbers(known, sum)
		n["group_msgid"], n["group_msgids"] = id.String(), id.String() // clients differ (spec/rest-api.md §11.8)
		items[i] = n
	}
	return items, nil
}

// openApps returns the group's apps that may be asked about from here.
func (s *server) openApps(r *http.Request, g aurora.Group) ([]aurora.App, error) {
	apps, err := s.Owners.GroupApps(r.Context(), g.ID)
	if err != nil {
		return nil, err
	}
	open, _, err := s.admitting(r, apps)
	return open, err
}

// groupReport adds up the reports of a push to a group, over the open apps.
func (s *server) groupReport(ctx context.Context, groupID int64, open []aurora.App, id aurora.MessageID) (sum ledger.Report, known bool, err error) {
	parts, err := s.Groups.GroupMessages(ctx, groupID, id)
	if aurora.KindOf(err) == aurora.NotFound {
		return sum, false, nil
	}
	for _, part := range parts {
		if !slices.ContainsFunc(open, func(a aurora.App) bool { return a.ID == part.AppID }) {
			continue // closed to this caller, no longer in the group, or deleted
		}
		one, e := s.Reports.Report(ctx, part.AppID, part.MessageID)
		if aurora.KindOf(e) == aurora.NotFound { // its app was deleted
			continue
		}
		if e != nil {
			return sum, false, e
		}
		sum.Targeted += one.Targeted
		sum.Accepted += one.Accepted
		sum.Received += one.Received
		sum.Opened += one.Opened
		sum.Message.Content, sum.InApp = one.Message.Content, ledger.AddInApp(sum.InApp, one.InApp)
	}
	return sum, err == nil, err
}

// groupUsers is GET /v3/group/users: the numbers of all the group's apps
// together. A phone with two of the apps counts in each.
func (s *server) groupUsers(r *http.Request, g aurora.Group) (any, error) {
	q, err := parseUsersQuery(r)
	if err != nil {
		return nil, err
	}
	apps, err := s.openApps(r, g)
	if err != nil {
		return nil, err
	}
	return s.usersOf(r, apps, q)
}
