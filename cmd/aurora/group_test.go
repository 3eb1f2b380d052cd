package main_test

import (
	"slices"
	"strings"
	"testing"
)

// TestGroups: a group's life, and an app's end, by the command line alone.
func TestGroups(t *testing.T) {
	s := newScript(t)
	a := s.newApp()
	type printed struct {
		Name   string   `json:"name"`
		Key    string   `json:"group_key"`
		Secret string   `json:"group_secret"`
		Apps   []string `json:"apps"`
	}
	of := func(verb string, more ...string) []string {
		return append([]string{"group", verb, "--data", "data", "--account", email}, more...)
	}
	var made, added printed
	s.ok(&made, "", of("create", "--name", "Readers")...)
	if !key.MatchString(made.Key) || !key.MatchString(made.Secret) || made.Name != "Readers" || len(made.Apps) > 0 {
		t.Errorf("%+v", made)
	}
	s.fails("", of("create", "--name", "Readers"), "already")
	s.fails("", of("create", "--name", " "), "needs a name")
	s.fails("", of("add", "--group", made.Key, "--app", strings.Repeat("0", 24)), "no app")
	s.fails("", of("add", "--group", "x", "--app", a.AppKey), "no group")
	s.ok(nil, "", of("add", "--group", made.Key, "--app", a.AppKey)...)
	s.ok(&added, "", of("add", "--group", made.Key, "--app", a.AppKey)...) // so already
	if !slices.Equal(added.Apps, []string{a.AppKey}) || added.Secret != "" {
		t.Errorf("%+v", added)
	}
	var list []printed
	s.ok(&list, "", of("list")...)
	if len(list) != 1 || !slices.Equal(list[0].Apps, []string{a.AppKey}) || list[0].Secret != "" {
		t.Errorf("%+v", list)
	}
	remove := []string{"app", "delete", "--data", "data", "--account", email, "--app", a.AppKey}
	s.ok(nil, "", remove...)
	s.fails("", remove, "no app")
	s.ok(&list, "", of("list")...)
	if len(list) != 1 || len(list[0].Apps) > 0 {
		t.Errorf("a deleted app is still listed: %+v", list)
	}
	s.ok(nil, "", of("delete", "--group", made.Key)...)
	s.fails("", of("delete", "--group", made.Key), "no group")
}
