"use strict";
const byId = (id) => document.getElementById(id);
const shown = 100;
const seen = new Map(); // sequence → notification

function cell(text, className) {
  const td = document.createElement("td");
  td.textContent = text ?? "";
  if (className) td.className = className;
  return td;
}

function row(...cells) {
  const tr = document.createElement("tr");
  tr.append(...cells);
  return tr;
}

const short = (token) => (token && token.length > 14 ? token.slice(0, 8) + "…" + token.slice(-4) : token);
const tone = { acknowledged: "good", stored: "hold", delivered: "hold", expired: "bad", discarded: "bad", replaced: "bad", fault: "bad" };

function detail(n) {
  byId("detail").querySelector("pre").textContent = JSON.stringify(n, null, 2);
  byId("detail").showModal();
}

function notificationRow(n) {
  const steps = n.trace ?? [];
  const last = steps.findLast((s) => s.what !== "received" && s.what !== "verdict");
  const time = document.createElement("td");
  const open = document.createElement("button");
  open.type = "button";
  open.textContent = new Date(steps[0]?.at).toLocaleTimeString();
  open.addEventListener("click", () => detail(n));
  time.append(open);
  const answer = n.status ? `${n.status} ${n.reason ?? ""}`.trim() : "–";
  return row(time, cell(n.environment), cell(n.topic || n.bundle_id), cell(short(n.token) || n.channel_id, "token"),
    cell(answer, n.status === 200 ? "good" : n.status ? "bad" : ""),
    cell(last ? [last.what, last.detail].filter(Boolean).join(": ") : "", last && tone[last.what]));
}

let painting = false;
function paint() {
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    const latest = [...seen.values()].sort((a, b) => b.sequence - a.sequence).slice(0, shown);
    seen.clear();
    latest.forEach((n) => seen.set(n.sequence, n));
    byId("notifications").replaceChildren(...latest.map(notificationRow));
    byId("empty").hidden = latest.length > 0;
  });
}

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(response.statusText);
  return response.json();
}

async function refresh() {
  try {
    const [journal, devices, connections] = await Promise.all([get("v1/journal"), get("v1/devices"), get("v1/connections")]);
    const names = ["received", "accepted", "rejected", "delivered", "acknowledged", "stored", "expired", "replaced", "discarded"];
    byId("counters").replaceChildren(...names.map((name) => {
      const div = document.createElement("div");
      const dt = document.createElement("dt");
      const dd = document.createElement("dd");
      dt.textContent = name;
      dd.textContent = (journal.counters[name] ?? 0).toLocaleString();
      div.append(dt, dd);
      return div;
    }));
    byId("devices").replaceChildren(...devices.slice(0, 200).map((d) => row(cell(d.phone), cell(d.bundle_id), cell(d.environment),
      cell(short(d.token), "token"), cell(d.state === "live" ? (d.online ? "online" : "offline") : d.state), cell(d.waiting))));
    byId("connections").replaceChildren(...connections.map((c) => row(cell(c.id), cell(c.environment), cell([c.credential, c.name || c.team].filter(Boolean).join(", ")),
      cell(c.tls), cell(c.stream_limit), cell(c.open_streams), cell(c.requests))));
  } catch { /* the status line says that the server is away */ }
}

async function load() {
  try {
    (await get(`v1/notifications?limit=${shown}`)).forEach((n) => seen.set(n.sequence, n));
    paint();
  } catch { /* the feed will come back and call again */ }
}

const feed = new EventSource("v1/events");
feed.onopen = () => { byId("live").textContent = "live"; load(); refresh(); };
feed.onerror = () => { byId("live").textContent = "the server is away; trying again…"; };
feed.onmessage = (event) => { const n = JSON.parse(event.data); seen.set(n.sequence, n); paint(); };
setInterval(() => { if (!document.hidden) refresh(); }, 2000);
