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

  // What a filter selects is counted while it is written.
  document.querySelectorAll("form[data-match]").forEach(function (form) {
    var place = form.querySelector("#match"), timer, asked = 0;
    function item(name, team) {
      var li = document.createElement("li"), a = document.createElement("bdi"), b = document.createElement("bdi");
      a.textContent = name;
      b.textContent = team || "";
      li.append(a, " → ", b);
      return li;
    }
    form.addEventListener("input", function () {
      clearTimeout(timer);
      timer = setTimeout(function () {
        var mine = ++asked;
        fetch(form.dataset.match + "?" + new URLSearchParams(new FormData(form)), { headers: { Accept: "application/json" }, credentials: "same-origin" })
          .then(function (answer) { return answer.json(); })
          .then(function (m) {
            if (mine !== asked) { return; }
            var text = document.createElement("p"), list = document.createElement("ul");
            text.textContent = m.text || m.detail || "";
            list.className = "plain";
            (m.groups || []).forEach(function (g) { list.append(item(g.group, g.team)); });
            place.replaceChildren(text, list);
          })
          .catch(function () {});
      }, 400);
    });
  });

  // Rows are ordered by pointer, too; the buttons do the same.
  document.querySelectorAll("tbody[data-order]").forEach(function (body) {
    var move = document.getElementById("move-row"), held = null;
    if (!move) { return; }
    body.querySelectorAll("tr[data-number]").forEach(function (row) {
      var handle = document.createElement("span");
      handle.className = "handle";
      handle.draggable = true;
      handle.textContent = "⠿";
      handle.setAttribute("aria-hidden", "true");
      row.cells[0].append(handle);
      handle.addEventListener("dragstart", function (e) { held = row; row.classList.add("drag"); e.dataTransfer.effectAllowed = "move"; e.dataTransfer.setData("text/plain", row.dataset.number); });
      handle.addEventListener("dragend", function () { row.classList.remove("drag"); held = null; });
      row.addEventListener("dragover", function (e) { if (held && held !== row) { e.preventDefault(); row.classList.add("over"); } });
      row.addEventListener("dragleave", function () { row.classList.remove("over"); });
      row.addEventListener("drop", function (e) {
        if (!held || held === row) { return; }
        e.preventDefault();
        move.elements.number.value = held.dataset.number;
        move.elements.to.value = row.dataset.number;
        move.requestSubmit(move.querySelector("button"));
      });
    });
  });

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
