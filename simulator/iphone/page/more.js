// The controls below “More”.
"use strict";

const extensionKinds = { none: null, reports: { prefix: "", work: 0 }, prefix: { prefix: "★ ", work: 0 }, slow: { prefix: "★ ", work: 31e9 } };

function extensionKind(build) {
  if (!build.extension) return "none";
  if (build.extension.work >= 30e9) return "slow";
  return build.extension.prefix ? "prefix" : "reports";
}

function renderMore(s, app) {
  press("focus", s.focus.on);
  press("breakthrough", s.focus.time_sensitive);
  press("mute", s.muted);
  press("low-power", s.low_power);
  for (const button of at("more").querySelectorAll("[data-key], #background-mode, #voip, #start-activity, #terminate, #rotate, #reinstall, select")) button.disabled = !app;
  if (!app) return;
  for (const button of at("more").querySelectorAll("[data-do=setting]")) button.setAttribute("aria-pressed", String(app.settings[button.dataset.key]));
  for (const button of at("more").querySelectorAll("[data-do=present]")) button.setAttribute("aria-pressed", String(app.build.present[button.dataset.key]));
  press("background-mode", app.build.background_mode);
  press("voip", app.build.voip);
  at("extension").value = extensionKind(app.build);
  at("terminate").disabled = app.process === "not-running" || app.process === "killed";
  at("start-activity").disabled = app.process === "not-running" || app.process === "killed";
}

function rebuild(change) {
  const app = chosen();
  return control("update", { bundle_id: app.bundle_id, build: { ...app.build, ...change } });
}

const moreActions = {
  focus: () => control("focus", { focus: { ...state.focus, on: !state.focus.on } }),
  breakthrough: () => control("focus", { focus: { ...state.focus, time_sensitive: !state.focus.time_sensitive } }),
  mute: () => control("mute", { on: !state.muted }),
  "low-power": () => control("low-power", { on: !state.low_power }),
  quietly: () => control("permission", { bundle_id: chosen().bundle_id, permission: "provisional" }),
  setting: (b) => {
    const app = chosen();
    return control("settings", { bundle_id: app.bundle_id, settings: { ...app.settings, [b.dataset.key]: !app.settings[b.dataset.key] } });
  },
  present: (b) => rebuild({ present: { ...chosen().build.present, [b.dataset.key]: !chosen().build.present[b.dataset.key] } }),
  "background-mode": () => rebuild({ background_mode: !chosen().build.background_mode }),
  voip: () => rebuild({ voip: !chosen().build.voip }),
  "answer-call": () => control("answer-call", { id: at("call").dataset.id }),
  "end-call": () => control("end-call", { id: at("call").dataset.id }),
  activity: async () => {
    const bundle_id = chosen().bundle_id;
    if (await rebuild({ live_activities: true })) await control("activity", { bundle_id, type: "Delivery", state: { status: "On its way", minutes: 12 } });
  },
  terminate: (b) => control("terminate", bundle(b)),
  rotate: (b) => control("rotate", bundle(b)),
  reinstall: (b) => control("reinstall", bundle(b)),
  options: (b) => openOptions(b.dataset.id),
  "close-options": () => closeOptions(),
  act: (b) => act(b),
  dismiss: (b) => control("dismiss", { id: b.dataset.id }),
  spread: (b) => {
    if (!opened.delete(b.dataset.key)) opened.add(b.dataset.key);
    renderLists(state);
    const again = Array.from(document.querySelectorAll("[data-do=spread]")).find((other) => other.dataset.key === b.dataset.key);
    if (again) again.focus();
  },
};

at("extension").addEventListener("change", (event) => rebuild({ extension: extensionKinds[event.target.value] }));
