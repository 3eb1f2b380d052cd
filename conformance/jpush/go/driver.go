//go:build ignore

// Driver drives DeanThompson's Go client for JPush: a call a line in, its result a
// line out. The client has no option for its server, so JPush's names must lead
// to Aurora. It is of a time before modules: the driver is built in a GOPATH.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/DeanThompson/jpush-api-go-client"
	"github.com/DeanThompson/jpush-api-go-client/common"
	"github.com/DeanThompson/jpush-api-go-client/device"
	"github.com/DeanThompson/jpush-api-go-client/push"
)

type object = map[string]any

// unsupported is why the client cannot make a call.
type unsupported string

func (u unsupported) Error() string { return string(u) }

// refused is an answer that the client tells as a refusal.
type refused struct{ *common.ResponseBase }

func (r refused) Error() string { return r.String() }

var client = jpush.NewJPushClient(os.Getenv("APP_KEY"), os.Getenv("MASTER_SECRET"))

func texts(v any) (list []string) {
	items, _ := v.([]any)
	for _, item := range items {
		list = append(list, fmt.Sprint(item))
	}
	return list
}

func text(a object, key string) string {
	s, _ := a[key].(string)
	return s
}

// only refuses members that the client has no place for.
func only(a object, known ...string) {
	for key := range a {
		if !slices.Contains(known, key) {
			panic(unsupported("the client has no " + key))
		}
	}
}

// whole is a number as the client takes it: 0 is left out.
func whole(a object, key string) int {
	if a[key] == nil {
		return 0
	}
	n, ok := a[key].(float64)
	if !ok {
		panic(unsupported(fmt.Sprintf("the client takes a number only for %s", key)))
	}
	if n == 0 {
		panic(unsupported("the client leaves out a " + key + " of 0"))
	}
	return int(n)
}

func ios(a object) *push.IosNotification {
	only(a, "alert", "sound", "badge", "content-available", "category", "extras")
	alert, ok := a["alert"].(string)
	if !ok {
		panic(unsupported("the client takes a text only for alert, and always one"))
	}
	n := push.NewIosNotification(alert)
	if n.Sound, ok = a["sound"].(string); !ok && a["sound"] != nil {
		panic(unsupported("the client takes a text only for sound"))
	}
	n.Badge, n.Category = whole(a, "badge"), text(a, "category")
	n.ContentAvailable, _ = a["content-available"].(bool)
	extras, _ := a["extras"].(object)
	for key, value := range extras {
		n.AddExtra(key, value)
	}
	return n
}

func audience(v any) *push.Audience {
	a := push.NewAudience()
	lists, ok := v.(object)
	if !ok {
		a.All()
		return a
	}
	only(lists, "tag", "tag_and", "alias", "registration_id")
	for key, set := range map[string]func([]string){"tag": a.SetTag, "tag_and": a.SetTagAnd, "alias": a.SetAlias, "registration_id": a.SetRegistrationId} {
		if lists[key] != nil {
			set(texts(lists[key]))
		}
	}
	return a
}

func build(a object) *push.PushObject {
	only(a, "platform", "audience", "alert", "ios", "android", "message", "options")
	p := push.NewPushObject()
	p.Platform, p.Audience = push.NewPlatform(), audience(a["audience"])
	names := texts(a["platform"])
	if len(names) == 0 {
		names = []string{"all"}
	}
	if err := p.Platform.Add(names...); err != nil {
		panic(unsupported(err.Error()))
	}
	if a["alert"] != nil || a["ios"] != nil || a["android"] != nil {
		p.Notification = push.NewNotification(text(a, "alert"))
	}
	if block, ok := a["ios"].(object); ok {
		p.Notification.Ios = ios(block)
	}
	if block, ok := a["android"].(object); ok {
		only(block, "alert", "title", "builder_id")
		p.Notification.Android = push.NewAndroidNotification(text(block, "alert"))
		p.Notification.Android.Title, p.Notification.Android.BuilderId = text(block, "title"), whole(block, "builder_id")
	}
	if m, ok := a["message"].(object); ok {
		only(m, "msg_content", "title", "content_type", "extras")
		p.Message = push.NewMessage(text(m, "msg_content"))
		p.Message.Title, p.Message.ContentType = text(m, "title"), text(m, "content_type")
		extras, _ := m["extras"].(object)
		for key, value := range extras {
			p.Message.AddExtra(key, value)
		}
	}
	if o, ok := a["options"].(object); ok {
		only(o, "apns_production", "sendno", "time_to_live")
		p.Options = push.NewOptions()
		p.Options.ApnsProduction, _ = o["apns_production"].(bool)
		p.Options.SendNo, p.Options.TimeToLive = whole(o, "sendno"), whole(o, "time_to_live")
	}
	return p
}

// result is what a call returned, with the base that every answer has.
func result(value any, base *common.ResponseBase, err error) (any, error) {
	var unread *json.UnmarshalTypeError
	switch {
	case errors.As(err, &unread):
		return nil, unsupported(fmt.Sprintf("the client cannot read the answer: it wants %s for %s", unread.Type, unread.Field))
	case err != nil:
		return nil, err
	case !base.Ok():
		return nil, refused{base}
	}
	return value, nil
}

func pushed(r *push.PushResult, err error) (any, error) {
	if r == nil {
		return nil, err
	}
	return result(object{"msg_id": r.MsgId, "sendno": r.SendNo}, &r.ResponseBase, err)
}

func done(r *common.ResponseBase, err error) (any, error) { return result(object{}, r, err) }

// onPlatforms is the client's list of platforms.
func onPlatforms(a object) []string {
	if a["platform"] == nil {
		return nil
	}
	return []string{text(a, "platform")}
}

// update begins a change of a device. The client sends alias and mobile with each.
func update(a object) *device.DeviceUpdate {
	u := device.NewDeviceUpdate()
	if a["clear_tags"] == true {
		u.ClearAllTags()
		return u
	}
	u.AddTags(texts(a["add"])...)
	u.RemoveTags(texts(a["remove"])...)
	return u
}

var calls = map[string]func(object) (any, error){
	"push": func(a object) (any, error) { return pushed(client.Push(build(a))) },
	"push_raw": func(a object) (any, error) { // as far as the client's model holds it
		only(a, "platform", "audience", "notification")
		n, ok := a["notification"].(object)
		if _, lists := a["audience"].(object); !ok || !lists || a["platform"] != "all" {
			return nil, unsupported("the client sends what its own model holds, and no other payload")
		}
		only(n, "alert")
		for _, list := range a["audience"].(object) {
			if _, ok := list.([]any); !ok {
				return nil, unsupported("the client sends what its own model holds, and no other payload")
			}
		}
		return pushed(client.Push(build(object{"audience": a["audience"], "alert": n["alert"]})))
	},
	"validate": func(a object) (any, error) { return pushed(client.PushValidate(build(a))) },
	"device": func(a object) (any, error) {
		r, err := client.QueryDevice(text(a, "id"))
		if r == nil {
			return nil, err
		}
		value := object{"tags": r.Tags, "alias": nil}
		if r.Alias != "" { // which is how the client tells that there is none
			value["alias"] = r.Alias
		}
		return result(value, &r.ResponseBase, err)
	},
	"device_set": func(a object) (any, error) {
		u := update(a)
		u.SetAlias(text(a, "alias"))
		return done(client.UpdateDevice(text(a, "id"), u))
	},
	"mobile": func(a object) (any, error) {
		u := update(object{})
		u.SetMobile(text(a, "mobile"))
		return done(client.UpdateDevice(text(a, "id"), u))
	},
	"tags": func(object) (any, error) {
		r, err := client.GetTags()
		if r == nil {
			return nil, err
		}
		return result(object{"tags": r.Tags}, &r.ResponseBase, err)
	},
	"tag_has": func(a object) (any, error) {
		r, err := client.CheckTagUserExists(text(a, "tag"), text(a, "id"))
		if r == nil {
			return nil, err
		}
		return result(object{"result": r.Result}, &r.ResponseBase, err)
	},
	"tag_change": func(a object) (any, error) {
		u := device.NewUpdateTagUsersArgs()
		if a["add"] != nil {
			u.AddRegistrationIds(texts(a["add"])...)
		}
		if a["remove"] != nil {
			u.RemoveRegistrationIds(texts(a["remove"])...)
		}
		return done(client.UpdateTagUsers(text(a, "tag"), u))
	},
	"tag_delete": func(a object) (any, error) { return done(client.DeleteTag(text(a, "tag"), onPlatforms(a))) },
	"alias": func(a object) (any, error) {
		r, err := client.GetAliasUsers(text(a, "alias"), onPlatforms(a))
		if r == nil {
			return nil, err
		}
		return result(object{"registration_ids": r.RegistrationIds}, &r.ResponseBase, err)
	},
	"alias_delete": func(a object) (any, error) { return done(client.DeleteAlias(text(a, "alias"), onPlatforms(a))) },
	"received": func(a object) (any, error) {
		var ids []uint64
		for id := range strings.SplitSeq(text(a, "ids"), ",") {
			n, err := strconv.ParseUint(strings.TrimSpace(id), 10, 64)
			if err != nil {
				return nil, err
			}
			ids = append(ids, n)
		}
		r, err := client.GetReceivedReport(ids)
		if r == nil {
			return nil, err
		}
		return result(r.Report, &r.ResponseBase, err)
	},
}

func answer(line []byte) (reply object) {
	var request struct {
		Call      string `json:"call"`
		Arguments object `json:"arguments"`
	}
	if err := json.Unmarshal(line, &request); err != nil {
		return object{"refusal": object{"type": "driver", "message": err.Error()}}
	}
	call, ok := calls[request.Call]
	if !ok {
		return object{"unsupported": "the client has no such call"}
	}
	defer func() {
		if p := recover(); p != nil {
			u, ok := p.(unsupported)
			if !ok {
				panic(p)
			}
			reply = object{"unsupported": string(u)}
		}
	}()
	value, err := call(request.Arguments)
	switch e := err.(type) {
	case nil:
		return object{"value": value}
	case unsupported:
		return object{"unsupported": string(e)}
	case refused:
		r := object{"type": "ErrorResult", "status": e.StatusCode, "message": e.String()}
		if e.ResponseBase.Error != nil {
			r["code"], r["message"] = e.ResponseBase.Error.Code, e.ResponseBase.Error.Message
		}
		return object{"refusal": r}
	default:
		return object{"refusal": object{"type": fmt.Sprintf("%T", err), "message": err.Error()}}
	}
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 4<<20)
	for in.Scan() {
		text, err := json.Marshal(answer(in.Bytes()))
		if err != nil {
			panic(err)
		}
		fmt.Printf("reply %s\n", text)
	}
}
