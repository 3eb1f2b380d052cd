package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aurora-push/aurora"
)

// example is a valid request of a route. Together a route's examples have every
// member that the description names.
type example struct {
	route string // as the description has it, such as "POST /v3/push"
	request
	prepare func(*request) // before it is sent; may be nil
	fresh   func(answer)   // after it was accepted, to put things right; may be nil
}

// fixture is what the examples refer to.
type fixture struct {
	w          *world
	p, q       phone // q is changed by what is accepted, p stays as it is
	group      aurora.Group
	file       string
	groupsFile string
	message    string
	schedule   string
	webhook    string
	delivery   int64 // of webhook
	image      string
	cids       int
}

func newFixture(t *testing.T, w *world) *fixture {
	t.Helper()
	f := &fixture{w: w}
	labels := `"tags":{"set":["vip"]},"alias":"mia","environment":"production","live_activity_tokens":{"match-1":"` + token(99) + `"}`
	f.p = w.register(t, w.app, `{"token":"`+token(1)+`",`+labels+`}`)
	w.register(t, w.other, `{"token":"`+token(2)+`",`+labels+`}`)
	f.q = w.register(t, w.app, "")
	f.group = w.newGroup(t, "Both", w.app, w.other)
	f.file = w.fileID(t, upload("alias", "vip.txt", "mia\n", "1").as(w.app))
	f.groupsFile = w.fileID(t, upload("alias", "vip.txt", "mia\n", "1").asDeveloper(w.owner))
	f.message = w.push(t, w.app, `{"platform":"all","audience":{"alias":["mia"]},"message":{"msg_content":"x"}}`).MessageID
	for _, app := range []aurora.App{w.app, w.other} {
		w.accepted(t, request{path: "/v1/segments", body: `{"name":"vips","expression":"vip"}`}.as(app), nil)
	}
	var s made
	w.accepted(t, request{path: "/v3/schedules", body: scheduleOf("standup", weekly())}.as(w.app), &s)
	f.schedule = s.ID
	var hook hookAnswer
	w.accepted(t, request{path: "/v1/webhooks", body: `{"url":"https://hook.invalid/"}`}.as(w.app), &hook)
	f.webhook = hook.ID
	var tested deliveryAnswer
	w.accepted(t, request{method: "POST", path: "/v1/webhooks/" + hook.ID + "/test"}.as(w.app), &tested)
	f.delivery = tested.ID
	var image map[string]string
	w.accepted(t, request{path: "/v3/images/byurls", body: `{"image_type":1,"image_url":"https://example.com/a.png"}`}.as(w.app), &image)
	f.image = image["media_id"]
	w.flatly(t, request{path: "/v3/push_plan/create", body: `{"name":"spring"}`}.as(w.app), 200, 0)
	w.flatly(t, request{path: "/v3/test/model/add", body: `{"registration_id":"` + f.p.id + `"}`}.as(w.app), 200, 0)
	return f
}

// cid returns one that was not used yet.
func (f *fixture) cid(key string) string {
	f.cids++
	return fmt.Sprintf("%s-00000000-0000-4000-8000-%012d", key, f.cids)
}

const (
	androidExample = `{"alert":"a","title":"t","builder_id":1,"channel_id":"c","priority":1,"category":"c","style":1,"alert_type":7,"big_text":"b","inbox":{"1":"a"},"big_pic_path":"p","large_icon":"i","small_icon_uri":"i","icon_bg_color":"c","intent":{"url":"u"},"uri_activity":"a","uri_action":"a","uri_flag":"f","badge_add_num":1,"badge_set_num":1,"badge_class":"c","sound":"s","show_begin_time":"2030-01-01 00:00:00","show_end_time":"2030-01-02 00:00:00","display_foreground":"1","extras":{"a":1}}`
	hmosExample    = `{"alert":"a","title":"t","category":"c","large_icon":"i","intent":{"url":"u"},"badge_add_num":1,"badge_set_num":1,"test_message":true,"receipt_id":"r","extras":{"a":1},"style":2,"inbox":{"1":"a"},"push_type":10,"extra_data":"e","display_foreground":"1","sound":"s","sound_duration":5,"hm_payload":{"a":1}}`
	iosExample     = `{"alert":{"title":"t","body":"b"},"sound":{"critical":1,"name":"a.caf","volume":0.5},"badge":"+1","content-available":true,"mutable-content":1,"category":"c","thread-id":"t","interruption-level":"active","extras":{"a":{"b":1}}}`
	smsExample     = `{"delay_time":0,"temp_id":1,"temp_para":{"a":"b"},"signid":2,"active_filter":true,"content":"short"}`
	thirdExample   = `{"content":"c","title":"t","channel_id":"c","uri_activity":"a","uri_action":"a","badge_add_num":1,"badge_set_num":1,"badge_class":"c","sound":"s","extras":{"a":1},"intent":{"url":"u"}}`
	messageExample = `{"msg_content":"m","title":"t","content_type":"text","extras":{"a":1},"test_message":false,"alternate_title":"a","alternate_content":"b"}`
	callExample    = `{"url":"https://hook.invalid/","params":{"a":1},"type":3}`
	startExample   = `{"ios":{"event":"start","content-state":{"score":0},"attributes-type":"Match","attributes":{"home":"A"},"alert":{"title":"t","body":"b"},"stale-date":1,"dismissal-date":2,"relevance-score":50,"apns-priority":5}}`
	optionExample  = `{"sendno":7,"time_to_live":60,"apns_production":"true","override_msg_id":%s,"apns_collapse_id":"c","big_push_duration":0,"third_party_channel":{"xiaomi":{"channel_id":"c"}},"classification":1,"target_event":["e"],"test_message":false,"receipt_id":"r","active_push":false,"need_backup":false,"alternate_set":true,"geofence":{"a":1},"portal_extra":{"a":1},"notification_3rd_ver":"%s","auto_truncation":true,"mkt_enable":1,"notification_switch_filter":"true","test_model":false,"business_operation_code":"spring"}`
)

// pushes are the members of pushes without platform, audience and cid.
func (f *fixture) pushes(override string) (contents []string) {
	options := func(version string) string { return fmt.Sprintf(optionExample, override, version) }
	return []string{
		`"notification":{"alert":"hello","ios":` + iosExample + `,"android":` + androidExample + `,"hmos":` + hmosExample + `,"quickapp":{"alert":"a","title":"t","page":"p","extras":{"a":1}},"winphone":{"alert":"a","title":"t","_open_page":"p","extras":{"a":1}},"voip":{"caller":"Ann"},"alternate_alert":"x","ai_opportunity":false},"sms_message":` + smsExample + `,"inapp_message":{"inapp_message":true},"callback":` + callExample + `,"options":` + options("v1"),
		`"message":` + messageExample + `,"notification_3rd":` + thirdExample + `,"options":` + options("v1"),
		`"message":` + messageExample + `,"notification_3rd":{"android":` + androidExample + `,"ios":` + iosExample + `,"hmos":` + hmosExample + `},"options":` + options("v2"),
	}
}

// whole makes a push of its content.
func whole(platform, audience, content string) string {
	return fmt.Sprintf(`{"platform":%s,"audience":%s,%s}`, platform, audience, content)
}

func (f *fixture) pushBodies(key, override string) (bodies []string) {
	everything := `{"tag":["vip"],"tag_and":["vip"],"tag_not":["gone"],"alias":["mia"],"registration_id":["` + f.p.id + `"],"segment":["vips"],"expression":"vip && !seen>30d"}`
	audiences := []string{everything, `"all"`, `{"tag":["vip"],"alias":["mia"]}`}
	platforms := []string{`["ios","android","hmos","quickapp","winphone"]`, `{"1":"ios"}`, `"all"`}
	for i, content := range f.pushes(override) {
		bodies = append(bodies, whole(platforms[i], audiences[i], content))
	}
	bodies = append(bodies,
		whole(`"all"`, `"all"`, `"live_activity":`+startExample),
		whole(`["ios"]`, `{"live_activity_id":"match-1"}`, `"live_activity":{"ios":{"event":"update","content-state":{"score":1}}}`))
	for i := range bodies {
		bodies[i] = set(bodies[i], "cid", quoted(f.cid(key)))
	}
	return bodies
}

// examples lists the valid requests of all routes that take a JSON body.
func (f *fixture) examples(t *testing.T) (list []example) {
	w := f.w
	add := func(route string, r request) *example {
		list = append(list, example{route: route, request: r})
		return &list[len(list)-1]
	}
	as := func(method, path, body string) request {
		return request{method: method, path: path, body: body}.as(w.app)
	}
	post := func(path, body string) { add("POST "+path, as("POST", path, body)) }
	for _, body := range f.pushBodies(w.app.Key, quoted(f.message)) {
		post("/v3/push", body)
		post("/v3/push/validate", body)
	}
	for _, body := range f.pushBodies(f.group.Key, "0") {
		add("POST /v3/grouppush", request{method: "POST", path: "/v3/grouppush", body: set(body, "options.override_msg_id", "")}.asGroup(f.group))
	}
	for i, content := range f.pushes("0")[:2] {
		body := func(file string) string {
			content, _, _ := strings.Cut(content, `,"notification_3rd"`)
			content, _, _ = strings.Cut(content, `,"sms_message"`)
			platform := []string{`["ios","android","hmos","quickapp","winphone"]`, `{"1":"ios"}`}[i]
			content = strings.Replace(content, `,"voip":{"caller":"Ann"}`, "", 1) // which goes with no file
			return whole(platform, `{"file":{"file_id":"`+file+`"}}`, content+`,"options":`+strings.Replace(fmt.Sprintf(optionExample, "0", "v1"), `"override_msg_id":0,`, "", 1))
		}
		add("POST /v3/push/file", as("POST", "/v3/push/file", set(set(body(f.file), "cid", quoted(f.cid(w.app.Key))), "options.override_msg_id", quoted(f.message))))
		add("POST /v3/grouppush/file", request{method: "POST", path: "/v3/grouppush/file", body: set(body(f.groupsFile), "cid", quoted(f.cid(f.group.Key)))}.asGroup(f.group))
	}
	for i, content := range f.pushes(quoted(f.message)) {
		target := map[bool]string{true: f.p.id, false: "mia"}
		for path, byID := range map[string]bool{"/v3/push/batch/regid/single": true, "/v3/push/batch/alias/single": false} {
			item := whole([]string{`["ios","android","hmos","quickapp","winphone"]`, `{"1":"ios"}`, `"all"`}[i], `"ignored"`, `"target":"`+target[byID]+`",`+content)
			post(path, `{"pushlist":{"`+f.cid(w.app.Key)+`":`+item+`}}`)
		}
	}
	f.addAudiences(t, add, as)
	f.addSchedules(add, as)
	f.addDevices(add, as)
	f.addManagement(t, add, as)
	return list
}

type adder func(route string, r request) *example

func (f *fixture) addAudiences(t *testing.T, add adder, as func(method, path, body string) request) {
	lists := `"tag":["vip"],"tag_and":["vip"],"tag_not":["gone"],"alias":["mia"],"registration_id":["` + f.p.id + `"],"segment":["vips"],"expression":"vip"`
	for _, body := range []string{
		`{"audience":{` + lists + `},"platform":["ios","android","hmos","quickapp","winphone"],"environment":"sandbox"}`, `{"audience":"all","platform":{"1":"ios"}}`, `{"audience":{"tag":["vip"],"alias":["mia"]},"platform":"all"}`,
	} {
		add("POST /v1/audience/count", as("POST", "/v1/audience/count", body))
	}
	create := add("POST /v1/segments", as("POST", "/v1/segments", `{"name":"new","expression":"vip || segment:vips"}`))
	create.fresh = func(a answer) {
		var made struct{ Name string }
		check(t, json.Unmarshal(a.body, &made))
		f.w.accepted(t, as("DELETE", "/v1/segments/"+url.PathEscape(made.Name), ""), nil)
	}
	add("PUT /v1/segments/{segment}", as("PUT", "/v1/segments/vips", `{"expression":"vip"}`))
}

func (f *fixture) addSchedules(add adder, as func(method, path, body string) request) {
	key := f.w.app.Key
	bodies := f.pushBodies(key, "0")
	once := fmt.Sprintf(`{"single":{"time":%q}}`, china(24*time.Hour))
	whenever := fmt.Sprintf(`{"intelligent":{"backup_time":%q}}`, china(24*time.Hour))
	for i, trigger := range []string{weekly(), once, whenever, once, once} {
		body := `{"name":"standup","enabled":true,"trigger":` + trigger + `,"push":` + bodies[i] + `}`
		add("POST /v3/schedules", as("POST", "/v3/schedules", set(body, "cid", quoted(f.cid(key)))))
	}
	for _, push := range bodies {
		add("PUT /v3/schedules/{id}", as("PUT", "/v3/schedules/"+f.schedule, `{"name":"standup","enabled":true,"trigger":`+weekly()+`,"push":`+push+`}`))
	}
	params := `[{"keys":{"a":"b"},"audience":"all","options":{},"trace_id":"x"}]`
	add("POST /v3/push/template", as("POST", "/v3/push/template", `{"id":"t","params":`+params+`}`))
	for _, trigger := range []string{weekly(), once, whenever} {
		add("POST /v3/push/template/schedule", as("POST", "/v3/push/template/schedule", `{"id":"t","params":`+params+`,"schedule_name":"s","trigger":`+trigger+`}`))
	}
}

func (f *fixture) addDevices(add adder, as func(method, path, body string) request) {
	id, lists := f.q.id, `{"registration_ids":{"add":["`+f.q.id+`"],"remove":["`+f.q.id+`"]}}`
	add("POST /v3/devices/status", as("POST", "/v3/devices/status", `{"registration_ids":["`+id+`"]}`))
	add("POST /v3/devices/{id}", as("POST", "/v3/devices/"+id, `{"tags":{"add":["a"],"remove":["b"]},"alias":"q","mobile":"+86-1"}`))
	add("POST /v1/quarantine/restore", as("POST", "/v1/quarantine/restore", `{"registration_ids":["`+id+`"]}`))
	add("POST /v1/quarantine/restore", as("POST", "/v1/quarantine/restore", `{"all":true,"reason":"Unregistered","since":"2030-01-02T03:04:05Z","until":"2030-01-03T03:04:05Z"}`))
	add("POST /v3/aliases/{alias}", as("POST", "/v3/aliases/q", lists))
	add("POST /v3/tags/{tag}", as("POST", "/v3/tags/a", lists))
	add("POST /v3/status/message", as("POST", "/v3/status/message", `{"msg_id":"`+f.message+`","registration_ids":["`+id+`"],"date":"2030-01-01"}`))
	add("POST /v3/test/model/add", as("POST", "/v3/test/model/add", `{"registration_id":"`+id+`","device_name":"mine"}`))
	add("PUT /v3/test/model/update", as("PUT", "/v3/test/model/update", `{"registration_id":"`+f.p.id+`","device_name":"mine"}`))

	profile := `"channel":"c","app_version":"1","os_version":"1","model":"m","language":"zh","time_zone":"Asia/Shanghai"`
	add("POST /v1/devices", request{method: "POST", path: "/v1/devices", body: `{"app_key":"` + f.w.app.Key + `","install_id":"install-x","secret":"` + strings.Repeat("s", 32) + `","platform":"ios","bundle_id":"` + f.w.app.BundleID + `",` + profile + `}`})
	own := request{user: id, password: f.q.secret, method: "PATCH", path: "/v1/devices/" + id}
	own.body = `{"token":"` + token(3) + `","environment":"production","voip_token":"` + token(4) + `","live_activity_start_tokens":{"Match":"` + token(5) + `"},"live_activity_tokens":{"m":"` + token(6) + `"},"alias":"q","mobile":"1","tags":{"set":["a"]},"badge":1,"push_enabled":true,"notifications_allowed":false,` + profile + `}`
	add("PATCH /v1/devices/{id}", own)
	own.body = `{"tags":{"add":["a"],"remove":["b"]}}`
	add("PATCH /v1/devices/{id}", own)
	own.method, own.path, own.body = "POST", own.path+"/receipts", `{"receipts":[{"msg_id":"`+f.message+`","event":"received","at":"2030-01-02T03:04:05Z","part":"message"}]}`
	add("POST /v1/devices/{id}/receipts", own)
}

func (f *fixture) addManagement(t *testing.T, add adder, as func(method, path, body string) request) {
	w := f.w
	remove := func(path string) func(answer) {
		return func(a answer) {
			var made struct{ ID any }
			check(t, json.Unmarshal(a.body, &made))
			w.accepted(t, as("DELETE", fmt.Sprintf(path, made.ID), ""), nil)
		}
	}
	add("POST /v1/keys", as("POST", "/v1/keys", `{"name":"n","scopes":["push"],"allow":["10.0.0.0/8"],"expires_at":"2031-01-02T03:04:05Z"}`)).fresh = remove("/v1/keys/%v")
	add("PUT /v1/access", as("PUT", "/v1/access", `{"allow":["127.0.0.0/8"]}`))
	rotated, err := w.s.Accounts.CreateApp(t.Context(), w.app.AccountID, "Rotated", "com.example.rotated")
	check(t, err)
	secret := rotated.MasterSecret.Reveal()
	rotate := add("POST /v1/secret/rotate", request{method: "POST", path: "/v1/secret/rotate", body: `{"overlap_seconds":60}`}.as(rotated))
	rotate.prepare = func(r *request) { r.password = secret }
	rotate.fresh = func(a answer) {
		var got struct {
			Secret string `json:"master_secret"`
		}
		check(t, json.Unmarshal(a.body, &got))
		secret = got.Secret
	}
	hook := "/v1/webhooks/" + f.webhook
	add("POST /v1/webhooks", as("POST", "/v1/webhooks", `{"url":"https://hook.invalid/","description":"d","events":["message.failed"]}`)).fresh = remove("/v1/webhooks/%v")
	add("PATCH /v1/webhooks/{id}", as("PATCH", hook, `{"url":"https://hook.invalid/","description":"d","events":["message.failed"],"enabled":true}`))
	add("POST /v1/webhooks/{id}/rotate", as("POST", hook+"/rotate", `{"overlap_seconds":60}`))
	add("POST /v1/webhooks/{id}/replay", as("POST", hook+"/replay", fmt.Sprintf(`{"delivery":%d}`, f.delivery)))
	add("POST /v1/webhooks/{id}/replay", as("POST", hook+"/replay", `{"from":"2030-01-02T03:04:05Z","to":"2030-01-02T03:04:06Z","failed_only":true}`))
	add("POST /v1/app", request{method: "POST", path: "/v1/app", body: `{"app_name":"n","android_package":"org.example.new","group_name":"g"}`}.asDeveloper(w.owner))

	add("POST /v3/push_plan/create", as("POST", "/v3/push_plan/create", `{"name":"spring","description":"d"}`))
	add("PUT /v3/push_plan/update", as("PUT", "/v3/push_plan/update", `{"name":"spring","description":"d"}`))
	members := []string{`"image_type":1`}
	for _, vendor := range []string{"", "jiguang_", "xiaomi_", "huawei_", "honor_", "oppo_", "fcm_", "hmos_"} {
		members = append(members, `"`+vendor+`image_url":"https://example.com/a.png"`)
	}
	urls := strings.Join(members, ",")
	add("POST /v3/images/byurls", as("POST", "/v3/images/byurls", "{"+urls+"}"))
	add("PUT /v3/images/byurls/{id}", as("PUT", "/v3/images/byurls/"+f.image, "{"+urls+"}"))
}
