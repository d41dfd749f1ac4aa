// Comfort alone: every page works without it.
(function () {
  "use strict";
  var say = document.createElement("div");
  say.className = "sr";
  say.setAttribute("aria-live", "polite");
  document.body.appendChild(say);

  // Copy buttons beside values.
  if (navigator.clipboard) {
    document.querySelectorAll("[data-copy]").forEach(function (value) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = "copy-button secondary outline";
      button.textContent = document.body.dataset.copyText;
      button.setAttribute("aria-label", button.textContent + ": " + value.textContent);
      button.addEventListener("click", function () {
        navigator.clipboard.writeText(value.textContent).then(function () {
          button.classList.add("done");
          say.textContent = document.body.dataset.copiedText;
          setTimeout(function () { button.classList.remove("done"); say.textContent = ""; }, 2000);
        });
      });
      value.after(button);
    });
  }

  // What is under way is fetched anew until the server no longer marks it.
  function poll(part) {
    var seconds = Number(part.dataset.poll) || 3;
    setTimeout(function () {
      fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" })
        .then(function (answer) { return answer.ok ? answer.text() : ""; })
        .then(function (html) {
          var next = html && new DOMParser().parseFromString(html, "text/html").getElementById(part.id);
          if (!next) { return; }
          if (next.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) {
            part.replaceWith(next);
            part = next;
          }
          if (next.dataset.poll) { part.dataset.poll = next.dataset.poll; poll(part); }
        })
        .catch(function () { poll(part); });
    }, seconds * 1000);
  }
  document.querySelectorAll("[data-poll][id]").forEach(poll);

  // A form that was sent is not sent twice.
  document.querySelectorAll("form[method=post]").forEach(function (form) {
    form.addEventListener("submit", function () {
      setTimeout(function () {
        form.querySelectorAll("button:not([formtarget])").forEach(function (b) { b.setAttribute("aria-busy", "true"); b.disabled = true; });
      }, 0);
    });
  });
  window.addEventListener("pageshow", function (e) {
    if (e.persisted) { document.querySelectorAll("button[aria-busy]").forEach(function (b) { b.removeAttribute("aria-busy"); b.disabled = false; }); }
  });
})();
