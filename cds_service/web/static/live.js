// A form that says `data-live="id"` is sent after each change, and the part of the answer with that id
// takes the place of the one on the page. Without this file its button does the same.
"use strict";

const PAUSE = 200;

// What was opened stays open, and the field that was changed keeps the focus.
function place(target, nodes) {
  const details = [...target.querySelectorAll("details[id]")].map(({ id, open }) => [id, open]);
  const focused = target.contains(document.activeElement) ? document.activeElement.id : "";
  target.replaceChildren(...nodes);
  for (const [id, open] of details) {
    const same = document.getElementById(id);
    if (same) same.open = open;
  }
  if (focused) document.getElementById(focused)?.focus();
}

function answers(form) {
  const target = document.getElementById(form.dataset.live);
  let waiting;
  let running;

  async function ask() {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    const fields = new FormData(form);
    const posts = form.method === "post";
    const address = new URL(form.action);
    if (!posts) address.search = new URLSearchParams(fields);
    try {
      const sent = posts ? { method: "POST", body: fields, signal } : { signal };
      const answer = await fetch(address, sent);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.getElementById(target.id) ?? page.querySelector("[role=alert]");
      if (!found) throw new Error(answer.status);
      place(target, found.id === target.id ? found.childNodes : [found]);
      if (!posts) history.replaceState(null, "", address);
    } catch (error) {
      if (error.name === "AbortError") return;
      const told = document.createElement("p");
      told.setAttribute("role", "alert");
      told.textContent = "The answer could not be fetched; the button works all the same.";
      target.replaceChildren(told);
    }
  }

  document.addEventListener("input", (event) => {
    if (event.target.form !== form || event.target.dataset.waits !== undefined) return;
    clearTimeout(waiting);
    waiting = setTimeout(ask, PAUSE);
  });
}

document.querySelectorAll("form[data-live]").forEach(answers);
