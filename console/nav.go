package console

import (
	"slices"
	"strings"
)

// place is an entry of the navigation.
type place struct {
	Name string // English; the layout translates it
	Icon string
	Path string // below the app's address, or the whole one for places outside apps
	// Pages are the templates that belong to the place, without what follows a
	// hyphen in their names. A new page needs to be named here and nowhere else.
	Pages []string
	// Tabs are what a place is divided into; its own path is then the first tab's.
	Tabs []place
}

// appPlaces are the sections of an app, in the order of the day's work.
var appPlaces = []place{
	{Name: "Start", Icon: "overview", Path: "", Pages: []string{"overview"}},
	{Name: "Compose", Icon: "send", Path: "/send", Pages: []string{"send"}},
	{Name: "Messages", Icon: "messages", Path: "/messages", Tabs: []place{
		{Name: "History", Path: "/messages", Pages: []string{"messages"}},
		{Name: "Scheduled", Path: "/schedules", Pages: []string{"schedules"}},
		{Name: "Approval", Path: "/approvals", Pages: []string{"approvals"}},
	}},
	{Name: "Devices", Icon: "devices", Path: "/devices", Tabs: []place{
		{Name: "Devices", Path: "/devices", Pages: []string{"devices"}},
		{Name: "Segments", Path: "/segments", Pages: []string{"segments"}},
		{Name: "Quarantine", Path: "/quarantine", Pages: []string{"quarantine"}},
	}},
	{Name: "Reports", Icon: "reports", Path: "/reports", Tabs: []place{
		{Name: "All devices", Path: "/reports", Pages: []string{"reports"}},
		{Name: "By version", Path: "/reports/versions", Pages: []string{"versions"}},
	}},
	{Name: "Settings", Icon: "settings", Path: "/credential", Tabs: []place{
		{Name: "Credential", Path: "/credential", Pages: []string{"credential"}},
		{Name: "Keys", Path: "/keys", Pages: []string{"keys"}},
		{Name: "API keys", Path: "/access", Pages: []string{"access"}},
		{Name: "Webhooks", Path: "/webhooks", Pages: []string{"webhooks"}},
	}},
}

// accountPlaces are what there is beside apps.
var accountPlaces = []place{
	{Name: "Apps", Icon: "apps", Path: "/apps", Pages: []string{"apps"}},
	{Name: "Groups", Icon: "copy", Path: "/groups", Pages: []string{"groups"}},
	{Name: "Team", Icon: "team", Path: "/team", Pages: []string{"team"}},
	{Name: "Security", Icon: "credential", Path: "/security", Pages: []string{"security"}},
	{Name: "Audit log", Icon: "messages", Path: "/audit", Pages: []string{"audit"}},
	{Name: "System", Icon: "system", Path: "/system", Pages: []string{"system"}},
}

// Has reports whether a page belongs to the place or to one of its tabs.
func (p place) Has(section string) bool {
	return slices.Contains(p.Pages, section) || slices.ContainsFunc(p.Tabs, func(t place) bool { return t.Has(section) })
}

// tabsOf returns the tabs beside a page's own; none for most pages.
func tabsOf(section string) []place {
	for _, p := range slices.Concat(appPlaces, accountPlaces) {
		if p.Has(section) {
			return p.Tabs
		}
	}
	return nil
}

// initial stands for an app where there is no room for its name.
func initial(name string) string {
	for _, r := range name {
		return strings.ToUpper(string(r))
	}
	return "?"
}
