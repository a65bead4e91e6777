// Swagger UI on our own page: its own page starts it from an inline script, which the policy forbids.
// What it leaves out for those who do not see the page, or not in light colours, is added here.
"use strict";

const place = document.getElementById("swagger-ui");

// It has dark colours, and shows them where the document bears their class.
const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", colour);
colour();

const LANDMARKS = { ".information-container": "About the interface", ".scheme-container": "Servers", "section.models": "Schemas" };

function name(element, label) {
  if (!element.hasAttribute("aria-label") && !element.labels?.length) element.setAttribute("aria-label", label);
}

function mend() {
  for (const [found, label] of Object.entries(LANDMARKS)) {
    const landmark = place.querySelector(found);
    landmark?.setAttribute("role", "region");
    landmark?.setAttribute("aria-label", label);
  }
  // Headings follow the one of the page, and leave out no level.
  for (const heading of place.querySelectorAll(".opblock-tag, section.models h4")) heading.setAttribute("aria-level", 2);
  for (const heading of place.querySelectorAll(".opblock-body h4, .opblock-body h5")) heading.setAttribute("aria-level", 3);
  for (const block of place.querySelectorAll(".opblock")) {
    const route = block.querySelector(".opblock-summary-control")?.textContent ?? "";
    for (const field of block.querySelectorAll("textarea")) name(field, `Body of ${route}`);
    for (const table of block.querySelectorAll("table[role=region]")) name(table, `${table.className} of ${route}`);
    for (const row of block.querySelectorAll("tr[data-param-name]")) {
      for (const field of row.querySelectorAll("select, input")) name(field, row.dataset.paramName);
    }
  }
  for (const text of place.querySelectorAll("pre")) text.tabIndex = 0;
}

new MutationObserver(mend).observe(place, { childList: true, subtree: true });
// Its deep links stand inside buttons, where no keyboard finds them: they are off.
SwaggerUIBundle({ domNode: place, url: place.dataset.document, deepLinking: false, validatorUrl: null });
