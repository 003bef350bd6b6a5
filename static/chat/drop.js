// What drops from the head is open one at a time, and closes by Escape, by a click elsewhere, and when one goes on.

export function closeDrops() {
  const drops = /** @type {HTMLDetailsElement[]} */ ([...document.querySelectorAll("details.drop")]);
  for (const drop of drops) {
    drop.addEventListener("toggle", () => {
      if (drop.open) for (const other of drops) other.open &&= other === drop;
    });
    drop.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !drop.open) return;
      drop.open = false;
      drop.querySelector("summary")?.focus();
    });
  }
  document.addEventListener("pointerdown", (event) => {
    for (const drop of drops) drop.open &&= drop.contains(/** @type {Node} */ (event.target));
  });
}
