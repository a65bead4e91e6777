// The live result: after each change the answers are judged by the service, which remembers none of it.
// Without this file the page works the same, with a button.
"use strict";

const form = document.getElementById("red-flags");
const live = document.getElementById("live");
const result = document.getElementById("live-result");
const SHOWN = 3;
const PAUSE = 200;

let waiting;
let running;
let told = "";

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function card(each) {
  const shown = element("div", `cds-card urgency-${each.indicator}`);
  const urgency = element("p", "urgency");
  const sign = element("span", "sign");
  sign.setAttribute("aria-hidden", "true");
  urgency.append(sign, each.heading);
  shown.append(urgency, element("p", "", each.summary));
  return shown;
}

// Says the same thing once: a screen reader would read it again.
function tell(...parts) {
  const text = parts.map((part) => part.textContent).join("\n");
  if (text === told) return;
  told = text;
  result.replaceChildren(...parts);
}

function show(judged) {
  const parts = judged.cards.slice(0, SHOWN).map(card);
  const left = judged.cards.length - parts.length;
  if (left > 0) parts.push(element("p", "pending", `and ${left} more`));
  if (judged.says) parts.push(element("p", "", judged.says));
  const open = judged.unanswered;
  if (open) parts.push(element("p", "pending", `Red flags not asked or recorded: ${open}`));
  tell(...parts);
}

// A field that is not shown is not asked for; the service leaves it out as well.
function readable() {
  return [...form.elements].every((field) => !field.offsetParent || field.checkValidity());
}

async function judge() {
  running?.abort();
  if (!readable()) {
    tell(element("p", "", "An answer cannot be read yet: check the dates and numbers."));
    return;
  }
  running = new AbortController();
  const { signal } = running;
  try {
    const body = new FormData(form);
    const judged = await fetch(form.dataset.live, { method: "POST", body, signal });
    if (!judged.ok) throw new Error(judged.status);
    show(await judged.json());
  } catch (error) {
    if (error.name === "AbortError") return;
    tell(element("p", "", "The result could not be fetched; the button below the form works all the same."));
  }
}

form.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(judge, PAUSE);
});

live.hidden = false;
judge();
