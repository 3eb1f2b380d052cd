"""Drives the Python client of JPush: a call a line in, its result a line out."""
import json
import os
import sys

import jpush
from jpush import common

BASE = os.environ["AURORA_URL"].rstrip("/")
ZONE = os.environ.get("ZONE") or "default"
# The client has no option for the server: its table of addresses is the place (spec/rest-api.md §1.3).
# Where JPush's names lead to Aurora nothing is changed.
if not os.environ.get("UNMODIFIED"):
    for zone in common.ZONES.values():
        for key, url in zone.items():
            zone[key] = BASE + "/" + url.split("/", 3)[3]


class Unsupported(Exception):
    pass


client = jpush.JPush(os.environ["APP_KEY"], os.environ["MASTER_SECRET"], timeout=30, zone=ZONE)
device = client.create_device()
report = client.create_report()


def audience(a):
    if a == "all":
        return jpush.all_
    return jpush.audience(*[getattr(jpush, kind)(*values) for kind, values in a.items()])


def ios(a):
    known = {"alert": "alert", "sound": "sound", "badge": "badge", "category": "category", "extras": "extras",
             "content-available": "content_available", "mutable-content": "mutable_content",
             "thread-id": "thread_id", "interruption-level": "interruption_level"}
    arguments = {known[k]: v for k, v in a.items()}
    arguments.setdefault("badge", None)
    return jpush.ios(sound_disable="sound" not in a, **arguments)


def build(a):
    push = client.create_push()
    push.platform = jpush.all_ if a["platform"] == "all" else jpush.platform(*a["platform"])
    push.audience = audience(a["audience"])
    blocks = {}
    if "alert" in a:
        blocks["alert"] = a["alert"]
    if "ios" in a:
        blocks["ios"] = ios(a["ios"])
    if "android" in a:
        blocks["android"] = jpush.android(**a["android"])
    if blocks:
        push.notification = jpush.notification(**blocks)
    if "message" in a:
        push.message = jpush.message(**a["message"])
    if "options" in a:
        push.options = a["options"]
    if "cid" in a:
        push.cid = a["cid"]
    return push


def push_raw(a):
    push = client.create_push()
    for key in ("platform", "audience", "notification", "message", "options"):
        if key in a:
            setattr(push, key, a[key])
    return push.send()


def batch(send):
    def run(a):
        singles = []
        for p in a["pushes"]:
            single = {"platform": p["platform"], "target": p["target"], "notification": {"ios": ios(p["ios"])}}
            if "options" in p:
                single["options"] = p["options"]
            singles.append(single)
        return list(send(singles).payload.values())
    return run


def registration_ids(a):
    parts = []
    if a.get("add"):
        parts.append(jpush.add(*a["add"]))
    if a.get("remove"):
        parts.append(jpush.remove(*a["remove"]))
    return jpush.device_regid(*parts)


def device_set(a):
    if a.get("clear_tags"):
        entity = jpush.device_tag("")
    else:
        parts = [f(*a[k]) for k, f in (("add", jpush.add), ("remove", jpush.remove)) if a.get(k)]
        entity = jpush.device_tag(*parts) if parts else {}
    if "alias" in a:
        entity.update(jpush.device_alias(a["alias"]))
    return device.set_deviceinfo(a["id"], entity)


def schedule_create(a):
    push = build(a["push"])
    make = jpush.schedulepayload
    return client.create_schedule().post_schedule(make.schedulepayload(a["name"], True, make.trigger(a["time"]), push.payload))


def group_push(a):
    group = jpush.GroupPush(os.environ["GROUP_KEY"], os.environ["GROUP_SECRET"])
    push = group.create_push()
    made = build(a)
    push.platform, push.audience, push.notification, push.options = made.platform, made.audience, made.notification, made.options
    return push.send()


def admin(call):
    def run(a):
        if not os.environ.get("UNMODIFIED"):
            raise Unsupported("the address of the admin service is written into the client")
        return call(jpush.Admin(os.environ["DEV_KEY"], os.environ["DEV_SECRET"]), a)
    return run


calls = {
    "push": lambda a: build(a).send(),
    "validate": lambda a: build(a).send_validate(),
    "push_raw": push_raw,
    "cid": lambda a: client.create_push().get_cid(a["count"], a.get("type")),
    "batch_registration_id": batch(lambda s: client.create_push().batch_push_by_regid(s)),
    "batch_alias": batch(lambda s: client.create_push().batch_push_by_alias(s)),
    "device": lambda a: device.get_deviceinfo(a["id"]),
    "device_set": device_set,
    "mobile": lambda a: device.set_devicemobile(a["id"], jpush.device_mobile(a["mobile"])),
    "device_status": lambda a: device.get_device_status(a["ids"]),
    "tags": lambda a: device.get_taglist(),
    "tag_has": lambda a: device.check_taguserexist(a["tag"], a["id"]),
    "tag_change": lambda a: device.update_tagusers(a["tag"], registration_ids(a)),
    "tag_delete": lambda a: device.delete_tag(a["tag"], a.get("platform")),
    "alias": lambda a: device.get_aliasuser(a["alias"], a.get("platform")),
    "alias_delete": lambda a: device.delete_alias(a["alias"], a.get("platform")),
    "received": lambda a: report.get_received(a["ids"]),
    "received_detail": lambda a: report.get_received_detail(a["ids"]),
    "messages": lambda a: report.get_messages(a["ids"]),
    "messages_detail": lambda a: report.get_messages_detail(a["ids"]),
    "message_status": lambda a: report.get_status_message(int(a["msg_id"]), a["ids"], a.get("date")),
    "users": lambda a: report.get_users(a["unit"], a["start"], a["duration"]),
    "schedule_create": schedule_create,
    "schedule_list": lambda a: client.create_schedule().get_schedule_list(1),
    "schedule_get": lambda a: client.create_schedule().get_schedule_by_id(a["id"]),
    "schedule_update": lambda a: client.create_schedule().put_schedule(jpush.schedulepayload.schedulepayload(name=a["name"]), a["id"]),
    "schedule_message_ids": lambda a: client.create_schedule().get_msg_ids(a["id"]),
    "schedule_delete": lambda a: client.create_schedule().delete_schedule(a["id"]),
    "group_push": group_push,
    "app_create": admin(lambda d, a: d.create_app(a["name"], a["package"])),
    "app_delete": admin(lambda d, a: d.delete_app(a["key"])),
}


def answer(line):
    request = json.loads(line)
    call = calls.get(request["call"])
    if call is None:
        return {"unsupported": "the client has no such call"}
    try:
        result = call(request["arguments"] or {})
    except Unsupported as e:
        return {"unsupported": str(e)}
    except common.JPushFailure as e:
        return {"refusal": {"type": "JPushFailure", "status": e.response.status_code, "code": e.error_code, "message": str(e.details)}}
    except Exception as e:
        if isinstance(e, AttributeError):  # the client does not find its own parts
            return {"unsupported": "the client breaks: %s" % e}
        if type(e) is ValueError:  # the client's builders refuse what they do not know
            return {"unsupported": str(e)}
        return {"refusal": {"type": type(e).__name__, "message": str(e)}}
    return {"value": getattr(result, "payload", result)}


for line in sys.stdin:
    print("reply " + json.dumps(answer(line)), flush=True)
