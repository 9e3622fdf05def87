"use strict";
/* Tooltips from the labels that the figures already carry, the place in the page, and everything open on paper. */
(() => {
  const tip = document.createElement("div");
  tip.className = "tip"; tip.hidden = true; tip.setAttribute("aria-hidden", "true"); tip.style.position = "fixed";
  document.body.append(tip);
  for (const title of document.querySelectorAll("figure svg title")) title.remove(); /* ours replaces the browser's */
  const over = (e) => {
    const mark = e.target.closest && e.target.closest("figure svg [aria-label]");
    const text = mark && mark.parentNode && mark.tagName !== "svg" && mark.getAttribute("role") !== "graphics-symbol-group" ? mark.getAttribute("aria-label") : "";
    const group = mark && ["g", "svg"].includes(mark.tagName);
    tip.hidden = !text || group;
    if (tip.hidden) return;
    tip.textContent = text;
    tip.style.left = Math.max(4, Math.min(e.clientX + 12, innerWidth - tip.offsetWidth - 8)) + "px";
    tip.style.top = Math.max(4, e.clientY - tip.offsetHeight - 10) + "px";
  };
  document.addEventListener("pointermove", over, { passive: true });
  document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.getAttribute("href").slice(1), a]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) {
      for (const a of links.values()) a.classList.remove("here");
      const a = links.get(entry.target.id);
      if (a) a.classList.add("here");
    }
  }, { rootMargin: "-10% 0px -75% 0px" });
  for (const id of links.keys()) { const s = document.getElementById(id); if (s) seen.observe(s); }
  let opened = [];
  addEventListener("beforeprint", () => { opened = [...document.querySelectorAll("details:not([open])")]; for (const d of opened) d.open = true; });
  addEventListener("afterprint", () => { for (const d of opened) d.open = false; });
  document.documentElement.dataset.ready = "true";
})();
