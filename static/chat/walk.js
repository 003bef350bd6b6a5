// By the keyboard through the messages: one of them is a stop for Tab, from there the arrows lead on.
//
// Were each a stop, whoever writes would have fifty between themselves and the rest of the page.

export class Walk {
  /** @param {HTMLElement[]} lists from the oldest to the newest */
  constructor(...lists) {
    this.lists = lists;
    /** @type {HTMLElement | null} */
    this.stop = null;
    for (const stop of this.#stops()) stop.tabIndex = -1;
    this.newest();
    for (const list of lists) list.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Rows came at the end. Who is on the way stays where they are. */
  newest() {
    if (this.stop && this.stop === document.activeElement) return;
    const rows = this.lists.at(-1)?.querySelectorAll(":scope > .line > .at");
    if (rows?.length) this.#stand(/** @type {HTMLElement} */ (rows[rows.length - 1]));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const stops = this.#stops();
    const here = stops.indexOf(/** @type {HTMLElement} */ (event.target));
    const to = { ArrowUp: here - 1, ArrowDown: here + 1, Home: 0, End: stops.length - 1 }[event.key];
    if (here < 0 || to === undefined) return;
    event.preventDefault();
    if (!stops[to]) return;
    this.#stand(stops[to]);
    stops[to].focus();
  }

  /** @param {HTMLElement} stop */
  #stand(stop) {
    if (this.stop) this.stop.tabIndex = -1;
    stop.tabIndex = 0;
    this.stop = stop;
  }

  #stops() {
    const all = this.lists.flatMap((list) => [...list.querySelectorAll(":scope > .line > .at")]);
    return /** @type {HTMLElement[]} */ (all);
  }
}
