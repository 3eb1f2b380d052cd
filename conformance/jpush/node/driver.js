// Drives JPush's Node clients: a call a line in, its result a line out.
//   node driver.js jpush-sdk | jpush-async
const fs = require('node:fs');
const readline = require('node:readline');

const which = process.argv[2];
const library = require(which === 'jpush-sdk' ? 'jpush-sdk' : 'jpush-async');
const JPush = which === 'jpush-async' ? library.JPushAsync : library;
const callbacks = which !== 'jpush-async';
console.log = console.info = () => {}; // the clients print what they send

const client = JPush.buildClient({
  appKey: process.env.APP_KEY, masterSecret: process.env.MASTER_SECRET, isDebug: false, readTimeOut: 30000,
});

class Unsupported extends Error {}

// ask calls a method of the client, or of a payload, in its own style.
function ask(on, method, ...args) {
  if (typeof on[method] !== 'function') throw new Unsupported('the client has no such call');
  if (!callbacks) return on[method](...args);
  return new Promise((resolve, reject) => {
    on[method](...args, (err, value) => err ? reject(err) : resolve(value));
  });
}

function ios(a) {
  for (const key of ['thread-id', 'interruption-level']) {
    if (key in a) throw new Unsupported(`ios() has no ${key}`);
  }
  return JPush.ios(a.alert, a.sound, a.badge, a['content-available'], a.extras, a.category, a['mutable-content']);
}

function build(a) {
  const push = client.push();
  push.setPlatform(a.platform === 'all' ? JPush.ALL : a.platform);
  if (a.audience === 'all') push.setAudience(JPush.ALL);
  else {
    push.setAudience(...Object.entries(a.audience).map(([kind, values]) => {
      if (!JPush[kind]) throw new Unsupported(`the client has no ${kind}`);
      return JPush[kind](values);
    }));
  }
  const parts = [];
  if (a.alert) parts.push(a.alert);
  if (a.ios) parts.push(ios(a.ios));
  if (a.android) parts.push(JPush.android(a.android.alert, a.android.title, a.android.builder_id));
  if (parts.length) push.setNotification(...parts);
  if (a.message) push.setMessage(a.message.msg_content, a.message.title, a.message.content_type, a.message.extras);
  const o = a.options;
  if (o) push.setOptions(o.sendno, o.time_to_live, o.override_msg_id, o.apns_production, o.big_push_duration, o.apns_collapse_id);
  if (a.cid) {
    if (!push.setCid) throw new Unsupported('the client has no cid');
    push.setCid(a.cid);
  }
  if (o?.apns_collapse_id && push.payload.options.apns_collapse_id !== o.apns_collapse_id) throw new Unsupported('setOptions() has no apns_collapse_id');
  return push;
}

// raw sends a payload that no builder would make.
function raw(payload) {
  return ask(client, 'sendPush', callbacks ? JSON.stringify(payload) : payload);
}

function schedule(a) {
  const push = build(a.push);
  push.setSingleSchedule(a.time);
  return ask(push, 'setSchedule', a.name, true);
}

function scheduleUpdate(a) {
  return ask(client.push(), 'updateSchedule', a.id, a.name, null);
}

function groupPush(a) {
  const group = JPush.buildClient({ appKey: process.env.GROUP_KEY, masterSecret: process.env.GROUP_SECRET, isDebug: false, isGroup: true });
  if (!group.isGroup) throw new Unsupported('the client has no such call');
  return ask(group, 'sendPush', build(a).payload);
}

// Some methods of jpush-async return { res } or { err } instead of raising.
async function unwrapped(promise) {
  const got = await promise;
  if (got && got.err) throw got.err;
  return got && 'res' in got ? got.res : got;
}

const none = () => { throw new Unsupported('the client has no such call'); };
const calls = {
  push: a => ask(build(a), 'send'),
  validate: a => ask(build(a), 'sendValidate'),
  push_raw: raw,
  device: a => ask(client, 'getDeviceTagAlias', a.id),
  device_set: a => ask(client, 'updateDeviceTagAlias', a.id, a.alias, !!a.clear_tags, a.add ?? [], a.remove ?? []),
  mobile: a => ask(client, 'setMobile', a.id, a.mobile),
  device_status: a => unwrapped(ask(client, 'getDeviceStatus', a.ids)),
  tags: () => ask(client, 'getTagList'),
  tag_has: a => ask(client, 'isDeviceInTag', encodeURIComponent(a.tag), a.id),
  tag_change: a => ask(client, 'addRemoveDevicesFromTag', encodeURIComponent(a.tag), a.add ?? [], a.remove ?? []),
  tag_delete: a => ask(client, 'deleteTag', encodeURIComponent(a.tag), a.platform),
  alias: a => ask(client, 'getAliasDeviceList', encodeURIComponent(a.alias), a.platform),
  alias_delete: a => ask(client, 'deleteAlias', encodeURIComponent(a.alias), a.platform),
  received: a => ask(client, 'getReportReceiveds', a.ids),
  received_detail: a => ask(client, 'getReportReceivedDetail', a.ids),
  messages: a => ask(client, 'getReportMessages', a.ids),
  messages_detail: a => ask(client, 'getReportMessagesDetail', a.ids),
  message_status: a => unwrapped(ask(client, 'getReportStatusMessage', Number(a.msg_id), a.ids, null)),
  users: a => ask(client, 'getReportUsers', a.unit, a.start, a.duration),
  schedule_create: schedule,
  schedule_list: () => ask(client, 'getScheduleList', 1),
  schedule_get: a => ask(client, 'getSchedule', a.id),
  schedule_update: scheduleUpdate,
  schedule_delete: a => ask(client, 'delSchedule', a.id),
  schedule_message_ids: a => ask(client, 'getScheduleMsgIds', a.id),
  group_push: groupPush,
};

// refusal tells what the client raised, and nothing that it did not.
function refusal(e) {
  const told = { type: e?.name ?? typeof e, message: String(e?.message ?? JSON.stringify(e)) };
  if (typeof e?.httpCode === 'number') told.status = e.httpCode;
  let body = e?.response ?? e;
  try { if (typeof body === 'string') body = JSON.parse(body); } catch { /* not JSON: no code to tell */ }
  const code = body?.error?.code ?? body?.code;
  if (typeof code === 'number') told.code = code;
  return told;
}

async function answer(line) {
  const { call, arguments: a } = JSON.parse(line);
  let timer;
  try {
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('the call never came back')), 20000); });
    return { value: await Promise.race([(calls[call] ?? none)(a ?? {}), late]) ?? {} };
  } catch (e) {
    // The builders refuse what they do not know.
    if (e instanceof TypeError) return { unsupported: 'the client breaks: ' + e.message };
    return e instanceof Unsupported || e?.name === 'InvalidArgumentError' ? { unsupported: e.message } : { refusal: refusal(e) };
  } finally {
    clearTimeout(timer);
  }
}

process.on('uncaughtException', e => { say({ refusal: { type: 'uncaught ' + e.name, message: String(e.message) } }); process.exit(1); });
const say = reply => fs.writeSync(1, 'reply ' + JSON.stringify(reply) + '\n');

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) say(await answer(line));
})();
