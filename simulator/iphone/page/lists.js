// The lists of lock screen and notification center, their stacks, and the sheet with a notification's buttons.
"use strict";

const opened = new Set(); // stacks that the visitor has spread out
let optionsID = ""; // of the notification whose sheet is open
let optionsFrom = null; // where the keyboard was before

const dotsMark = () => {
  const dots = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  dots.setAttribute("viewBox", "0 0 20 6");
  dots.setAttribute("aria-hidden", "true");
  for (const x of [3, 10, 17]) {
    const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", 3);
    dot.setAttribute("r", 1.9);
    dots.append(dot);
  }
  return dots;
};

// entry is a card that opens its app, with a button for everything else that can be done with it.
function entry(n) {
  const box = element("div", "entry");
  const card = element("button");
  card.type = "button";
  card.dataset.do = "tap";
  card.dataset.id = n.id;
  fillNote(card, n);
  const dots = element("button", "dots");
  dots.type = "button";
  dots.dataset.do = "options";
  dots.dataset.id = n.id;
  dots.setAttribute("aria-label", "Actions of " + (n.title || n.body || "the notification"));
  dots.append(dotsMark());
  box.append(card, dots);
  return box;
}

function spread(key, text, label) {
  const button = element("button", "", text);
  button.type = "button";
  button.dataset.do = "spread";
  button.dataset.key = key;
  button.setAttribute("aria-expanded", String(opened.has(key)));
  if (label) button.setAttribute("aria-label", label);
  return button;
}

// pile is a stack: closed it shows the newest card and the edges of those below.
function pile(li, key, notes) {
  li.className = "stack";
  if (opened.has(key)) {
    const head = element("div", "stack-head");
    head.append(element("b", "", notes[0].app_name), spread(key, "Show less"));
    li.classList.add("open");
    li.append(head, ...notes.map(entry));
    return;
  }
  const card = spread(key, "");
  fillNote(card, notes[0]);
  card.querySelector(".text").append(element("span", "rest", "and " + (notes.length - 1) + " more"));
  li.dataset.depth = notes.length > 2 ? "3" : "2";
  li.append(card);
}

// fillStacks keeps what stays as it is, so that only what is new moves.
function fillStacks(list, entries, stacks) {
  const byID = new Map(entries.map((n) => [n.id, n]));
  const before = new Map(Array.from(list.children, (li) => [li.dataset.signature, li]));
  const now = stacks.map((stack) => {
    const key = list.id + " " + stack.bundle_id + " " + stack.thread;
    if (stack.count < 2) opened.delete(key);
    const signature = key + " " + opened.has(key) + " " + stack.ids.join();
    const old = before.get(signature);
    if (old) return old;
    const li = element("li");
    li.dataset.signature = signature;
    const notes = stack.ids.map((id) => byID.get(id));
    if (notes.length === 1) li.append(entry(notes[0]));
    else pile(li, key, notes);
    return li;
  });
  if (now.length !== list.children.length || now.some((li, i) => list.children[i] !== li)) list.replaceChildren(...now);
}

function fillActivities(list, activities) {
  const signature = JSON.stringify(activities);
  if (list.dataset.signature === signature) return;
  list.dataset.signature = signature;
  list.replaceChildren(...activities.map((a) => {
    const li = element("li", "activity" + (a.ended ? " ended" : ""));
    const head = element("p", "activity-head");
    head.append(element("span", "icon aurora"), element("b", "", a.type || a.app_name), element("span", "", a.ended ? "ended" : "live"));
    li.append(head);
    const values = element("dl");
    const shown = a.state && typeof a.state === "object" ? Object.entries(a.state).slice(0, 4) : [];
    for (const [name, value] of shown) {
      const pair = element("div");
      pair.append(element("dt", "", name), element("dd", "", typeof value === "object" ? JSON.stringify(value) : String(value)));
      values.append(pair);
    }
    if (shown.length) li.append(values);
    return li;
  }));
}

function menuItem(title, action, id, destructive) {
  const button = element("button", destructive ? "destructive" : "", title);
  button.type = "button";
  button.dataset.do = action;
  button.dataset.id = id;
  return button;
}

function openOptions(id) {
  const n = state && state.notification_center.find((e) => e.id === id);
  if (!n) return;
  optionsID = id;
  optionsFrom = document.activeElement;
  fillNote(at("options-note"), n);
  at("reply").hidden = true;
  at("reply").reset();
  const items = n.actions.map((a) => {
    const item = menuItem(a.title, "act", n.id, a.destructive);
    item.dataset.action = a.id;
    if (a.text_input) item.dataset.text = "yes";
    return item;
  });
  at("options-menu").replaceChildren(...items, menuItem("Open", "tap", n.id), menuItem("Clear", "dismiss", n.id), menuItem("Cancel", "close-options", n.id));
  show("options", true);
  at("options-menu").firstElementChild.focus();
}

function closeOptions() {
  optionsID = "";
  const inside = at("options").contains(document.activeElement);
  show("options", false);
  if (inside && optionsFrom && optionsFrom.isConnected) optionsFrom.focus();
}

// renderOptions closes the sheet of a notification that has gone.
function renderOptions(s) {
  if (optionsID && !s.notification_center.some((n) => n.id === optionsID)) closeOptions();
}

function act(button) {
  if (!button.dataset.text) return control("act", { id: button.dataset.id, action: button.dataset.action });
  at("reply").dataset.action = button.dataset.action;
  show("reply", true);
  return at("reply-text").focus();
}

at("reply").addEventListener("submit", (event) => {
  event.preventDefault();
  control("act", { id: optionsID, action: at("reply").dataset.action, text: at("reply-text").value });
});

// A long press on a card or the banner does what the dots do.
let pressing = 0;
let held = false;
at("screen").addEventListener("pointerdown", (event) => {
  const card = event.target.closest("button.note[data-id]");
  held = false;
  clearTimeout(pressing);
  if (card) pressing = setTimeout(() => { held = true; openOptions(card.dataset.id); }, 500);
});
for (const end of ["pointerup", "pointercancel", "pointerleave"]) at("screen").addEventListener(end, () => clearTimeout(pressing));
at("screen").addEventListener("click", (event) => {
  if (held) {
    event.stopPropagation(); // the end of the long press is not a tap
    event.preventDefault();
  }
  held = false;
}, true);
