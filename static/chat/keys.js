// What who holds the keys can do: lock the room, set its topic, delete a message, mute somebody, delete the room.
//
// The forms are the page's own and work without scripts; here they are sent without leaving the page. The tools of a
// message are one element that goes to the row which is looked at, so that rows stay as they are.

import { freshToken } from "./forms.js";
import { element } from "./said.js";
import { word } from "./words.js";

export class Keys {
  /** @param {DOMStringMap} room @param {HTMLElement} scroller @param {import("./roster.js").Roster} roster */
  constructor(room, scroller, roster) {
    this.room = room;
    this.roster = roster;
    this.held = false;
    /** Those who may not write, as the server last said. @type {Set<string>} */
    this.muted = new Set();
    this.section = document.getElementById("keys");
    this.words = document.getElementById("keys-words");
    this.tools = element("span", "tools", "");
    this.tools.ariaLive = "off";
    this.bury = this.#button(word("remove"), "danger", () => this.#delete());
    this.hush = this.#button("", "danger", () => this.#hush());
    this.tools.append(this.bury, this.hush);
    document.getElementById("menu")?.addEventListener("toggle", () => this.#link());
    document.getElementById("people")?.addEventListener("toggle", () => this.#learn());
    for (const name of ["pointerover", "focusin", "click"]) {
      scroller.addEventListener(name, (event) => this.#reach(event));
    }
    const forms = this.section?.querySelectorAll("form[data-quiet]") ?? [];
    for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (forms)) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.#send(form.getAttribute("action") ?? "", new FormData(form, event.submitter));
      });
    }
  }

  /** @param {boolean} held */
  turn(held) {
    held ||= "moderates" in this.room;
    const gained = held && !this.held;
    this.held = held;
    if (gained) this.#learn();
    if (this.section) this.section.hidden = !held;
    if (!held) this.tools.remove();
    this.roster.act = held ? (somebody) => this.#mute(somebody) : null;
  }

  /** What the forms say of the room. @param {{ topic: string, locked: boolean }} room */
  about({ topic, locked }) {
    const input = /** @type {HTMLInputElement | null | undefined} */ (this.section?.querySelector("[name=topic]"));
    if (input && document.activeElement !== input) input.value = topic;
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (this.section?.querySelectorAll("[name=locked]") ?? [])) {
      button.hidden = button.getAttribute("value") === (locked ? "1" : "0");
    }
  }

  /** Somebody may not write any more, or again. @param {string} person @param {boolean} muted */
  mark(person, muted) {
    if (muted) this.muted.add(person);
    else this.muted.delete(person);
    this.#show();
  }

  /** Who was muted before this page came, and by whom else; a frame that told of it may have been lost. */
  async #learn() {
    if (!this.held) return;
    try {
      const answer = await fetch(new URL("muted", location.href), { headers: { Accept: "application/json" } });
      if (answer.ok) this.muted = new Set((await answer.json()).muted);
      this.#show();
    } catch {
      // Without a network the list is as old as what else is shown.
    }
  }

  #show() {
    this.roster.show();
    this.#name();
  }

  /** @param {Event} event */
  #reach(event) {
    const row = /** @type {Element} */ (event.target).closest?.("#log > .line:not(.gone), #earlier > .line:not(.gone)");
    if (!this.held || !(row instanceof HTMLElement) || this.tools.parentElement === row) return;
    row.append(this.tools);
    this.#name();
  }

  /** What the tools do, said of the row at which they are. */
  #name() {
    const row = this.tools.parentElement;
    if (!row) return;
    const name = row.querySelector(".handle")?.textContent ?? "";
    const person = row.dataset.person ?? "";
    this.hush.textContent = word(this.muted.has(person) ? "unmute" : "mute", { name });
    this.hush.hidden = !person || person === this.roster.people.own;
  }

  /** The owner's link. Who made the room a moment ago got their page before there was one. */
  async #link() {
    const link = /** @type {HTMLAnchorElement | null} */ (document.getElementById("owner-link"));
    if (!this.held || !link || link.href) return;
    try {
      const html = await (await fetch(location.pathname)).text();
      const page = new DOMParser().parseFromString(html, "text/html");
      const found = /** @type {HTMLAnchorElement | null} */ (page.getElementById("owner-link"));
      if (!found?.href) return;
      link.href = found.href;
      link.textContent = found.href;
    } catch {
      // Without a network it comes the next time that the menu is opened.
    }
  }

  #delete() {
    const seq = this.tools.parentElement?.dataset.seq;
    if (seq) this.#send("delete", { seq });
  }

  #hush() {
    const person = this.tools.parentElement?.dataset.person;
    if (person) this.#turnMute(person, !this.muted.has(person));
  }

  /** @param {string} person @param {boolean} muted */
  async #turnMute(person, muted) {
    if (await this.#send("mute", { person, muted: muted ? "1" : "0" })) this.mark(person, muted);
  }

  /** @param {import("./people.js").Person} somebody */
  #mute({ person, handle }) {
    if (person === this.roster.people.own) return null;
    const over = this.muted.has(person);
    const text = word(over ? "unmute" : "mute", { name: handle ?? "" });
    return this.#button(text, "danger", () => this.#turnMute(person, !over));
  }

  /** @param {string} to @param {Record<string, string> | FormData} fields @returns {Promise<boolean>} whether it is done */
  async #send(to, fields) {
    const body = fields instanceof FormData ? fields : new FormData();
    if (!(fields instanceof FormData)) for (const [name, value] of Object.entries(fields)) body.set(name, value);
    try {
      const headers = { Accept: "application/json", "X-CSRFToken": freshToken() };
      const answer = await fetch(new URL(to, location.href.split("#")[0]), { method: "POST", body, headers });
      if (!answer.ok) throw new Error(answer.statusText);
      this.#say(word("done"));
      return true;
    } catch {
      this.#say(word("failed"));
      return false;
    }
  }

  /** @param {string} text */
  #say(text) {
    if (this.words) this.words.textContent = text;
  }

  /** @param {string} text @param {string} className @param {() => void} onClick */
  #button(text, className, onClick) {
    const made = /** @type {HTMLButtonElement} */ (element("button", className, text));
    made.type = "button";
    made.addEventListener("click", onClick);
    return made;
  }
}
