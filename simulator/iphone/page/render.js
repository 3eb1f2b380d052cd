// Turns a state of the phone into what the page shows. No markup is ever made from text of a notification.
"use strict";

const at = (id) => document.getElementById(id);

function element(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

// set avoids touching the page when nothing changed, so that selections and screen readers are left alone.
function set(id, text) {
  const e = at(id);
  if (e.textContent !== text) e.textContent = text;
}

function show(id, visible) {
  at(id).hidden = !visible;
}

function press(id, on) {
  at(id).setAttribute("aria-pressed", String(on));
}

function ago(time) {
  const minutes = Math.floor((Date.now() - new Date(time)) / 60000);
  if (minutes < 1) return "now";
  if (minutes < 60) return minutes + "m ago";
  return Math.floor(minutes / 60) + "h ago";
}

// fillNote writes a notification into a card.
function fillNote(card, n) {
  card.classList.add("note");
  const text = element("span", "text");
  const head = element("span", "head");
  head.append(element("b", "", n.title || n.app_name), element("span", "", ago(n.at)));
  text.append(head);
  if (n.subtitle) text.append(element("span", "subtitle", n.subtitle));
  if (n.body) text.append(element("span", "body", n.body));
  card.replaceChildren(element("span", "icon aurora"), text);
}

function renderGrid(apps) {
  const grid = at("grid");
  for (const tile of grid.querySelectorAll("button.tile")) {
    if (!apps.some((a) => a.bundle_id === tile.dataset.bundle)) tile.remove();
  }
  for (const app of apps) {
    let tile = Array.from(grid.querySelectorAll("button.tile")).find((t) => t.dataset.bundle === app.bundle_id);
    if (!tile) {
      tile = element("button", "tile");
      tile.type = "button";
      tile.dataset.do = "open";
      tile.dataset.bundle = app.bundle_id;
      tile.append(element("span", "icon aurora"), element("span", "", app.name));
      grid.append(tile);
    }
    tile.setAttribute("aria-label", "Open " + app.name + (app.badge ? ", " + app.badge + " new" : ""));
    let badge = tile.querySelector(".badge");
    if (!app.badge) {
      if (badge) badge.remove();
      continue;
    }
    const text = app.badge > 9999 ? "9999+" : String(app.badge);
    if (badge && badge.dataset.count === text) continue;
    if (badge) badge.remove();
    badge = element("i", "badge");
    badge.dataset.count = text; // written by the style sheet; people who listen hear it in the button's name
    tile.prepend(badge);
  }
}

const viaNames = { foreground: "arrived in the foreground", background: "woke the app in the background", opened: "opened by the user", action: "button pressed", dismissed: "cleared by the user", "in-app": "in-app message, not through APNs" };

function renderApp(app) {
  set("app-name", app.name);
  at("app").setAttribute("aria-label", app.name);
  set("app-state", app.failure ? "Trying to reach Aurora …" : app.synced ? "Registered with Aurora" : app.registration_id ? "Reporting to Aurora …" : "Registering …");
  set("registration-id", app.registration_id || "not yet");
  set("token", app.token ? app.token.slice(0, 16) + "…" + app.token.slice(-8) : app.permission === "not-determined" ? "after the question" : "waiting for APNs");
  at("token").title = app.token;
  set("environment", app.environment);
  const form = at("form");
  if (form.dataset.bundle !== app.bundle_id) {
    form.dataset.bundle = app.bundle_id;
    delete form.dataset.edited;
  }
  if (!form.dataset.edited) {
    form.elements.alias.value = app.alias;
    form.elements.tags.value = app.tags.join(", ");
  }
  const list = at("messages");
  const newest = app.messages.slice().reverse();
  const keys = newest.map((m) => app.bundle_id + m.id + m.via + m.action);
  if (keys.join() !== list.dataset.keys) {
    const before = new Map(Array.from(list.children, (li) => [li.dataset.key, li]));
    list.dataset.keys = keys.join();
    list.replaceChildren(...newest.map((m, i) => before.get(keys[i]) || message(m, keys[i])));
  }
  show("no-messages", app.messages.length === 0);
}

function message(m, key) {
  const li = element("li");
  li.dataset.key = key;
  const via = element("p", "via");
  via.append(element("span", "", viaNames[m.via] || m.via), element("span", "", clock(new Date(m.at), true)));
  const details = element("details");
  details.append(element("summary", "", "Payload"), element("pre", "", JSON.stringify(m.payload, null, 1)));
  li.append(via, element("b", "", m.title), element("p", "", m.body || (m.title ? "" : "no text")));
  if (m.action) li.append(element("p", "answer", m.action + (m.text ? " “" + m.text + "”" : "")));
  li.append(details);
  return li;
}

function clock(time, seconds) {
  const pad = (n) => String(n).padStart(2, "0");
  return time.getHours() + ":" + pad(time.getMinutes()) + (seconds ? ":" + pad(time.getSeconds()) : "");
}

// The log follows what happens until somebody scrolls back. A log that merely became smaller goes on following.
let following = true;
at("log").addEventListener("scroll", (event) => {
  const log = event.currentTarget;
  following = log.scrollTop + log.clientHeight > log.scrollHeight - 40;
});
new ResizeObserver(() => {
  if (following) at("log").scrollTop = at("log").scrollHeight;
}).observe(at("log"));

function renderLog(events) {
  const log = at("log");
  const first = log.children.length === 0;
  for (const e of events) {
    const li = element("li", first ? "" : "new");
    const who = element("span", "who", e.who);
    who.dataset.who = e.who;
    const when = element("time", "", clock(new Date(e.at), true));
    when.dateTime = e.at;
    li.append(when, who, element("span", "what", e.text));
    log.append(li);
  }
  while (log.children.length > 500) log.firstElementChild.remove();
  if (following && events.length) log.scrollTop = log.scrollHeight;
}

function renderClock() {
  const now = new Date();
  set("status-time", clock(now));
  set("lock-time", clock(now));
  set("date", now.toLocaleDateString("en", { weekday: "long", month: "long", day: "numeric" }));
  set("weekday", now.toLocaleDateString("en", { weekday: "short" }).toUpperCase());
  set("monthday", String(now.getDate()));
  at("hour").style.rotate = now.getHours() * 30 + now.getMinutes() / 2 + "deg";
  at("minute").style.rotate = now.getMinutes() * 6 + "deg";
}
