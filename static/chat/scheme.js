// Light, dark, or as the system has it. No module: it runs before the page is painted, or the page would flash.

(() => {
  const KEY = "switchboard.scheme";
  const PAPER = { light: "#f5f2ea", dark: "#13181a" };

  /** @param {string} scheme empty for the system's */
  function show(scheme) {
    if (scheme) document.documentElement.dataset.scheme = scheme;
    else delete document.documentElement.dataset.scheme;
    for (const meta of document.querySelectorAll("meta[name=theme-color]")) {
      const own = meta.media.includes("dark") ? PAPER.dark : PAPER.light;
      meta.content = PAPER[scheme] ?? own;
    }
  }

  let scheme = "";
  try {
    scheme = localStorage.getItem(KEY) ?? "";
  } catch {
    // A browser may forbid it; the system's scheme is shown then.
  }
  show(scheme);

  addEventListener("DOMContentLoaded", () => {
    for (const set of document.querySelectorAll("fieldset.scheme")) {
      set.hidden = false;
      for (const input of set.querySelectorAll("input")) input.checked = input.value === scheme;
      set.addEventListener("change", (event) => {
        scheme = event.target.value;
        show(scheme);
        try {
          localStorage.setItem(KEY, scheme);
        } catch {
          // It then lasts as long as the page.
        }
      });
    }
  });
})();
