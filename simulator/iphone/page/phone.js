// Follows the phone's event stream and sends what the visitor does.
"use strict";

let state = null; // the latest, undefined parts of the log excepted
let centerOpen = false;
let audio = null; // only after the visitor asked for sound
let problemTimer = 0;

const sessionTexts = { connected: "Connected to APNs", connecting: "Connecting to APNs …", offline: "No session to APNs" };
const processTexts = { "not-running": "not running", foreground: "on the screen", background: "in the background", killed: "force-quit" };

// chosen is the app that the controls mean.
function chosen() {
  const apps = state ? state.apps : [];
  const wanted = at("which").value;
  return apps.find((a) => a.bundle_id === wanted) || apps[0] || null;
}

function render(s) {
  const before = state;
  state = s;
  const screen = at("screen");
  screen.dataset.screen = s.screen;
  screen.dataset.airplane = String(s.airplane);
  screen.dataset.session = s.session;
  at("session").dataset.state = s.session;
  set("session-text", s.name + " · " + (s.airplane ? "Airplane mode" : sessionTexts[s.session]));
  if (s.locked) centerOpen = false;

  renderGrid(s.apps);
  const front = s.apps.find((a) => a.bundle_id === s.foreground);
  show("app", s.screen === "app" && Boolean(front));
  if (front) renderApp(front);
  show("lock", s.locked);
  screen.dataset.focus = String(s.focus.on);
  screen.dataset.lowpower = String(s.low_power);
  renderLists(s);
  renderCenter();
  renderOptions(s);
  renderBanner(s.banner);
  renderDialogs(s);
  renderCall(s.calls[0]);
  renderControls(s);
  renderLog(s.log);
  if (before && s.sounds_played > before.sounds_played) chime();
  if (before) announce(before, s);
}

function renderLists(s) {
  fillActivities(at("lock-activities"), s.activities);
  fillStacks(at("lock-entries"), s.lock_screen, s.lock_screen_stacks);
  fillStacks(at("center-entries"), s.notification_center, s.center_stacks);
  show("focus-note", s.focus.on);
  set("focus-text", "Focus" + (s.held.length ? " · " + s.held.length + " held back" : ""));
}

function renderBanner(n) {
  const banner = at("banner");
  show("banner-dots", Boolean(n && n.actions.length));
  if (n) at("banner-dots").dataset.id = n.id;
  if (!n) {
    banner.hidden = true;
    delete banner.dataset.id;
    return;
  }
  if (banner.dataset.id === n.id) return;
  banner.dataset.id = n.id;
  banner.dataset.do = "tap";
  fillNote(banner, n);
  banner.hidden = true;
  void banner.offsetWidth; // starts the animation anew for a banner that takes another one's place
  banner.hidden = false;
}

function renderDialogs(s) {
  const alert = s.locked ? null : s.alert;
  const prompt = s.locked || alert ? null : s.prompt;
  const appeared = (alert && at("alert").hidden) || (prompt && at("prompt").hidden);
  show("veil", Boolean(alert || prompt));
  show("alert", Boolean(alert));
  show("prompt", Boolean(prompt));
  if (alert) {
    set("alert-title", alert.title || alert.app_name);
    set("alert-body", [alert.subtitle, alert.body].filter(Boolean).join("\n"));
    at("alert").classList.toggle("stacked", s.alerts_behind > 0);
  }
  if (prompt) set("prompt-title", prompt.text);
  // The keyboard goes to the dialog, but is not taken away from somebody who works with the controls.
  if (appeared && at("screen").contains(document.activeElement)) at(alert ? "alert" : "prompt").querySelector("button.strong").focus();
}

// renderCall shows the newest call, on the lock screen too.
function renderCall(c) {
  const appeared = c && (at("call").hidden || at("call").dataset.id !== c.id);
  show("call", Boolean(c));
  if (!c) return;
  at("call").dataset.id = c.id;
  set("call-title", c.caller);
  set("call-body", c.app_name + (c.answered ? ": you are talking" : " is calling …"));
  set("end-call", c.answered ? "End" : "Decline");
  show("answer-call", !c.answered);
  if (appeared && at("screen").contains(document.activeElement)) at("end-call").focus();
}

function renderCenter() {
  const open = centerOpen && !state.locked;
  at("screen").dataset.center = open ? "open" : "closed";
  at("center-button").setAttribute("aria-expanded", String(open));
  show("center", open);
  show("center-empty", state.notification_center.length === 0);
}

function renderControls(s) {
  at("lock-button").disabled = s.locked;
  at("unlock-button").disabled = !s.locked;
  at("home-button").disabled = s.locked || (s.screen === "home" && !s.alert && !centerOpen);
  at("center-button").disabled = s.locked;
  press("airplane", s.airplane);
  press("style-banner", s.alert_style === "banner");
  press("style-alert", s.alert_style === "alert");
  const which = at("which");
  if (which.dataset.apps !== s.apps.map((a) => a.bundle_id).join()) {
    which.dataset.apps = s.apps.map((a) => a.bundle_id).join();
    which.replaceChildren(...s.apps.map((a) => new Option(a.name, a.bundle_id)));
    which.hidden = s.apps.length < 2;
  }
  const app = chosen();
  at("open").disabled = !app || s.locked || app.process === "foreground";
  at("kill").disabled = !app || app.process === "killed" || app.process === "not-running";
  const undecided = !app || (app.permission === "not-determined" && !s.prompt);
  at("allowed").disabled = undecided;
  at("denied").disabled = undecided;
  at("quietly").disabled = !app || app.permission === "not-determined";
  press("allowed", Boolean(app) && app.permission === "allowed");
  press("quietly", Boolean(app) && app.permission === "provisional");
  press("denied", Boolean(app) && app.permission === "denied");
  set("process", app ? app.name + " is " + processTexts[app.process] : "no app installed");
  set("fact-sounds", s.sounds_played + (s.last_sound ? " (" + s.last_sound + ")" : ""));
  set("fact-badge", app && app.badge ? String(app.badge) : "none");
  set("fact-entries", s.notification_center.length + (s.notification_center.length === 1 ? " notification" : " notifications") + (s.held.length ? ", " + s.held.length + " held" : ""));
  set("fact-wakes", app ? app.background_wakes + (app.background_held ? ", one waits" : "") : "–");
  show("fact-activity-row", Boolean(app && app.activity_token));
  set("fact-activity", (app && app.activity_token) || "");
  const running = s.activities.find((a) => app && a.bundle_id === app.bundle_id && a.token && !a.ended);
  show("fact-running-row", Boolean(running));
  set("fact-running", running ? running.token : "");
  show("fact-voip-row", Boolean(app && app.voip_token));
  set("fact-voip", (app && app.voip_token) || "");
  renderMore(s, app);
  set("fact-registration", (app && app.registration_id) || "–");
  set("fact-sync", !app || app.process === "not-running" && !app.registration_id ? "–" : app.failure || (app.synced ? "knows everything" : app.receipts_waiting + " receipts wait"));
}

// announce tells people who cannot see the screen what appeared on it.
function announce(before, s) {
  const words = (n) => [n.app_name, n.title, n.subtitle, n.body].filter(Boolean).join(": ");
  const fresh = (now, was) => now && (!was || was.id !== now.id);
  if (fresh(s.calls[0], before.calls[0])) set("announcer", s.calls[0].caller + " is calling. Decline or Accept.");
  else if (fresh(s.banner, before.banner)) set("announcer", "Banner from " + words(s.banner));
  else if (fresh(s.alert, before.alert)) set("announcer", "Alert from " + words(s.alert) + ". Close or View.");
  else if (fresh(s.lock_screen[0], before.lock_screen[0])) set("announcer", "On the lock screen, from " + words(s.lock_screen[0]));
  else if (s.prompt && !before.prompt) set("announcer", s.prompt.text);
}

// chime is two soft notes, when the visitor has switched sound on.
function chime() {
  if (!audio) return;
  [[880, 0], [1318.5, 0.13]].forEach(([pitch, delay]) => {
    const start = audio.currentTime + delay;
    const tone = new OscillatorNode(audio, { type: "sine", frequency: pitch });
    const volume = new GainNode(audio, { gain: 0 });
    volume.gain.linearRampToValueAtTime(0.16, start + 0.015);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.7);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 0.75);
  });
}

function toggleSound() {
  if (audio) {
    audio.close();
    audio = null;
  } else {
    audio = new AudioContext();
    chime();
  }
  press("sound", Boolean(audio));
}

async function control(action, order = {}) {
  let problem = "";
  try {
    const answer = await fetch("control/" + action, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(order) });
    if (!answer.ok) problem = (await answer.json()).error.message;
  } catch {
    problem = "the phone cannot be reached; is the program that serves this page still running?";
  }
  clearTimeout(problemTimer);
  show("problem", problem !== "");
  set("problem", problem);
  if (problem) problemTimer = setTimeout(() => show("problem", false), 8000);
  return problem === "";
}

const bundle = (button) => ({ bundle_id: button.dataset.bundle || (chosen() || {}).bundle_id || "" });

const actions = {
  side: () => control(state && state.locked ? "unlock" : "lock"),
  swipe: () => {
    if (centerOpen) return toggleCenter();
    return control(state && state.locked ? "unlock" : "home");
  },
  home: () => {
    if (centerOpen) toggleCenter();
    return control("home");
  },
  open: (b) => {
    if (centerOpen) toggleCenter();
    return control("open", bundle(b));
  },
  kill: (b) => control("kill", bundle(b)),
  airplane: () => control("airplane", { on: !(state && state.airplane) }),
  allow: () => control("permission", { allow: true }),
  deny: () => control("permission", { allow: false }),
  "style-banner": () => control("style", { style: "banner" }),
  "style-alert": () => control("style", { style: "alert" }),
  tap: (b) => {
    centerOpen = false;
    closeOptions();
    return control("tap", { id: b.dataset.id });
  },
  center: () => toggleCenter(),
  sound: () => toggleSound(),
  ...moreActions,
};

function toggleCenter() {
  if (!state || state.locked) return;
  centerOpen = !centerOpen;
  renderCenter();
  renderControls(state);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (!button) return;
  const action = actions[button.dataset.do];
  if (action) action(button);
  else control(button.dataset.do);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (optionsID) closeOptions();
  else if (centerOpen) toggleCenter();
});

at("form").addEventListener("input", (event) => {
  event.currentTarget.dataset.edited = "yes";
});

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const bundle_id = form.dataset.bundle;
  const tags = form.elements.tags.value.split(/[,，]/).map((t) => t.trim()).filter(Boolean);
  const alias = form.elements.alias.value.trim();
  if ((await control("alias", { bundle_id, alias })) && (await control("tags", { bundle_id, tags }))) {
    delete form.dataset.edited;
    if (state) render({ ...state, log: [] });
  }
});

at("which").addEventListener("change", () => state && renderControls(state));

at("banner-dots").append(dotsMark());
renderClock();
setInterval(renderClock, 1000);

const stream = new EventSource("events");
stream.addEventListener("open", () => at("log").replaceChildren()); // the stream begins with the whole log
stream.addEventListener("state", (event) => render(JSON.parse(event.data)));
stream.addEventListener("error", () => {
  at("session").dataset.state = "lost";
  set("session-text", "This page has lost the phone; trying again …");
});
