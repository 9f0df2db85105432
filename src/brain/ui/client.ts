/**
 * Script of every page, served as its own file. The page works without it;
 * it keeps sections fresh, copies text and asks before what cannot be undone.
 */
export const CLIENT = `"use strict";
(() => {
  const indicator = document.querySelector("[data-live-url]");
  const dirty = new Set();
  let paused = false;
  let timer = 0;

  const show = (state, text) => {
    if (!indicator) return;
    indicator.dataset.live = state;
    indicator.textContent = text;
  };

  const busy = (section) => {
    const active = document.activeElement;
    if (section.contains(active) && active.matches("input,select,textarea")) return true;
    const selection = getSelection();
    return !!selection && !selection.isCollapsed && section.contains(selection.anchorNode);
  };

  const replace = (section, markup) => {
    const targets = () => [...section.querySelectorAll("a,button")];
    const focused = targets().indexOf(document.activeElement);
    const left = section.querySelector(".scroll")?.scrollLeft ?? 0;
    section.innerHTML = markup;
    const scroll = section.querySelector(".scroll");
    if (scroll) scroll.scrollLeft = left;
    if (focused >= 0) targets()[focused]?.focus({ preventScroll: true });
  };

  const refresh = async () => {
    timer = 0;
    if (paused || document.hidden) return;
    for (const section of [...dirty]) {
      if (busy(section)) continue;
      dirty.delete(section);
      try {
        const response = await fetch(section.dataset.fragment, { headers: { accept: "text/html" } });
        if (response.status === 401) return location.reload();
        if (response.ok) replace(section, await response.text());
      } catch {
        dirty.add(section);
      }
    }
    if (dirty.size > 0) later();
  };

  const later = () => {
    if (timer === 0) timer = setTimeout(refresh, 500);
  };

  const touch = (topics) => {
    for (const section of document.querySelectorAll("[data-fragment]")) {
      const wanted = section.dataset.topics.split(" ");
      if (!topics || topics.some((topic) => wanted.includes(topic))) dirty.add(section);
    }
    later();
  };

  const span = (ms) => {
    if (ms < 10000) return (ms / 1000).toFixed(1) + " s";
    if (ms < 120000) return Math.round(ms / 1000) + " s";
    if (ms < 7200000) return Math.round(ms / 60000) + " min";
    if (ms < 172800000) return Math.round(ms / 3600000) + " h";
    return Math.round(ms / 86400000) + " d";
  };

  const tick = () => {
    if (document.hidden) return;
    for (const time of document.querySelectorAll("time")) {
      const ms = Date.now() - Date.parse(time.dateTime);
      time.textContent = Math.abs(ms) < 1000 ? "now" : ms < 0 ? "in " + span(-ms) : span(ms) + " ago";
    }
  };

  const copy = async (button) => {
    const text = document.getElementById(button.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
      button.textContent = "Selected, press Ctrl+C";
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input,select,textarea")) return;
    const search = document.querySelector("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) later();
  });
  setInterval(tick, 5000);

  if (!indicator) return;
  const source = new EventSource(indicator.dataset.liveUrl);
  let wasOpen = false;
  source.addEventListener("ready", () => {
    if (!paused) show("on", "Live");
    if (wasOpen) touch(null);
    wasOpen = true;
  });
  source.addEventListener("change", (event) => touch(JSON.parse(event.data).topics));
  source.addEventListener("error", () => show("lost", "Reconnecting"));
  indicator.addEventListener("click", () => {
    paused = !paused;
    indicator.setAttribute("aria-pressed", String(paused));
    show(paused ? "off" : "on", paused ? "Paused" : "Live");
    if (!paused) touch(null);
  });
  addEventListener("pagehide", () => source.close());
})();
`;
