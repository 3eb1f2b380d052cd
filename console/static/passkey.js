// Passkeys: the only part of signing in that needs a script. A form with
// data-passkey is shown if the browser knows passkeys; on submit it asks the
// server what to ask the authenticator, and sends the answer as a plain form.
(function () {
  "use strict";

  var known = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON;
  if (!known) return;

  function show(form, text) {
    var note = form.querySelector("[data-problem]");
    note.querySelector("p").textContent = text;
    note.hidden = !text;
  }

  function ask(form) {
    return fetch(form.dataset.ask, { method: "POST", body: new URLSearchParams(new FormData(form)) }).then(function (answer) {
      return answer.json().then(function (body) {
        if (!answer.ok) throw new Error(body.problem);
        return body;
      });
    });
  }

  function credential(form, options) {
    return form.dataset.passkey === "create"
      ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey) })
      : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey) });
  }

  function start(form) {
    var button = form.querySelector("button");
    button.disabled = true;
    show(form, "");
    ask(form).then(function (ceremony) {
      form.elements.state.value = ceremony.state;
      return credential(form, ceremony.options).then(function (made) {
        form.elements.answer.value = JSON.stringify(made.toJSON());
        form.submit();
      }, function () { throw new Error(form.querySelector("[data-problem]").dataset.cancelled); });
    }).catch(function (problem) {
      button.disabled = false;
      show(form, problem.message);
    });
  }

  document.querySelectorAll("form[data-passkey]").forEach(function (form) {
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      start(form);
    });
  });
})();
