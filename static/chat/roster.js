// The list of who is here, and their number in the head.

import { element } from "./said.js";
import { nameOf, seal } from "./line.js";
import { word } from "./words.js";

export class Roster {
  /**
   * @param {{ panel: HTMLElement, count: HTMLElement, words: HTMLElement, list: HTMLElement }} places
   * @param {import("./people.js").People} people
   */
  constructor(places, people) {
    this.places = places;
    this.people = people;
    /** @type {((person: import("./people.js").Person) => HTMLElement | null) | null} what may be done about somebody */
    this.act = null;
  }

  show() {
    const { panel, count, words, list } = this.places;
    panel.hidden = false;
    count.textContent = String(this.people.count);
    words.textContent = word("here", { count: this.people.count });
    const named = [...this.people.here.values()].filter(({ handle }) => handle).sort((a, b) => this.#order(a, b));
    list.replaceChildren(...named.map((each) => this.#row(each)));
    const nameless = this.people.count - named.length;
    if (nameless) list.append(element("li", "aside", word("nameless", { count: nameless })));
  }

  /** @param {import("./people.js").Person} somebody */
  #row(somebody) {
    const handle = somebody.handle ?? "";
    const row = element("li", "", "");
    row.append(seal(handle), nameOf({ handle, user: somebody.user }));
    if (somebody.person === this.people.own) row.append(" ", element("span", "aside", `(${word("you")})`));
    const tool = this.act?.(somebody);
    if (tool) row.append(tool);
    return row;
  }

  /** Oneself first, then by name. */
  #order(a, b) {
    const own = Number(b.person === this.people.own) - Number(a.person === this.people.own);
    return own || (a.handle ?? "").localeCompare(b.handle ?? "");
  }
}
