// Small comforts. Every page works without them.
(function () {
  "use strict";

  // Times come in UTC and are shown in the reader's own zone.
  var forms = {
    date: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
    clock: { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" },
  };

  var language = document.documentElement.lang;

  function localTimes(root) {
    root.querySelectorAll("time[data-form]").forEach(function (el) {
      var at = new Date(el.dateTime);
      if (isNaN(at)) return;
      var full = at.toLocaleString(language, forms.date);
      if (el.dataset.form !== "date") el.title = full;
      if (forms[el.dataset.form]) {
        el.textContent = el.dataset.form === "date" ? full : at.toLocaleTimeString(language, forms.clock);
      }
    });
  }

  function select(el) {
    var range = document.createRange();
    range.selectNodeContents(el);
    var selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }

  // The button's texts come with it, in the page's language.
  function tell(button, text) {
    button.textContent = text;
    setTimeout(function () { button.textContent = button.dataset.text; }, 1500);
  }

  function copy(button) {
    var source = document.getElementById(button.dataset.copy);
    if (!source) return;
    if (navigator.clipboard && window.isSecureContext) {
      navigator.clipboard.writeText(source.textContent).then(
        function () { tell(button, button.dataset.copied); },
        function () { select(source); tell(button, button.dataset.selected); });
      return;
    }
    select(source); // plain http: the old way, and if that fails the text is at least selected
    tell(button, document.execCommand("copy") ? button.dataset.copied : button.dataset.selected);
  }

  // A menu closes when something else is clicked, and by Escape.
  function closeMenus(but) {
    document.querySelectorAll("details.menu[open]").forEach(function (menu) { if (menu !== but) menu.open = false; });
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("button.copy");
    if (button) copy(button);
    closeMenus(event.target.closest("details.menu"));
    var cancel = event.target.closest("[data-cancel]");
    if (cancel) cancel.closest("details").open = false;
  });

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    var open = document.querySelector("details[open].menu, details[open].confirm");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });

  // Browsers allow few connections to one server, six over HTTP/1.1, and each
  // live page holds one. A page that nobody looks at gives its own back.
  var streams = [], asleep = [], resting = 0;

  function isOpen(stream) { return stream.readyState !== EventSource.CLOSED; }

  htmx.createEventSource = function (url) {
    var stream = new EventSource(url);
    streams = streams.filter(isOpen);
    streams.push(stream);
    return stream;
  };

  function rest() {
    asleep = streams.filter(isOpen);
    asleep.forEach(function (stream) { stream.close(); });
  }

  function wake() {
    asleep.forEach(function (stream) { // the extension connects anew after an error
      if (stream.onerror) stream.onerror(new Event("error"));
    });
    asleep = [];
  }

  document.addEventListener("visibilitychange", function () {
    clearTimeout(resting);
    if (document.hidden) resting = setTimeout(rest, 3000);
    else wake();
  });

  // A time is meant where the writer sits, unless they say otherwise.
  document.querySelectorAll("input[data-zone]").forEach(function (input) {
    var zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (input.value === "UTC" && zone) input.value = zone;
  });

  document.addEventListener("htmx:afterSwap", function (event) { localTimes(event.target.parentNode || document); });
  document.addEventListener("htmx:sseMessage", function (event) { localTimes(event.target); });
  localTimes(document);
})();
