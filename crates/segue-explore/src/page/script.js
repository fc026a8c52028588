"use strict";
(() => {
  // Titles of marks become one tip that follows the pointer; without this script the browser shows them itself.
  const tip = document.createElement("div");
  tip.className = "tip off";
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);
  for (const title of document.querySelectorAll("svg.plot title:not([id])")) {
    title.parentNode.setAttribute("data-tip", title.textContent);
    title.remove();
  }
  const place = (event) => {
    const mark = event.target.closest && event.target.closest("[data-tip]");
    tip.classList.toggle("off", !mark);
    if (!mark) return;
    tip.textContent = mark.getAttribute("data-tip");
    const width = document.documentElement.clientWidth;
    const left = Math.max(4, Math.min(event.clientX + 12, width - tip.offsetWidth - 4));
    const above = event.clientY - tip.offsetHeight - 12;
    tip.style.left = left + "px";
    tip.style.top = (above > 4 ? above : event.clientY + 18) + "px";
  };
  document.addEventListener("pointermove", place);
  document.addEventListener("pointerdown", place);
  document.addEventListener("scroll", () => tip.classList.add("off"), { passive: true });
  // The names of the domains become switches of their curves.
  for (const chip of document.querySelectorAll("[data-chip]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.append(...chip.childNodes);
    chip.append(button);
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      const marks = document.querySelectorAll('[data-s="' + chip.getAttribute("data-chip") + '"]');
      for (const mark of marks) mark.classList.toggle("off", !shown);
    });
  }
})();
