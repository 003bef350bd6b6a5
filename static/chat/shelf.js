// What was said and is not sent yet, where it outlives the page: the browser's storage, one room's part of it.
//
// Each entry has a key of its own. The tabs of a room share the storage, and no lock goes with it: a list under one key
// would be read by two, changed by both, and what the first one wrote would be gone. A key is written by whoever has the
// text and removed by whoever learns that it is stored.

/**
 * @typedef {{
 *   cid: string, handle: string, body: string,
 *   at: number, meant: number, asks: boolean, fault: string, spent: boolean,
 * }} Entry
 * `at`: when it was written. `meant`: when somebody last wanted it sent. `asks`: whether it waits for them to want it
 * again. `fault`: why it was refused. `spent`: the id is of no use any more.
 */

export class Shelf {
  /** @param {Storage | null} storage null where the browser has none to give @param {string} room */
  constructor(storage, room) {
    this.storage = storage;
    this.prefix = `switchboard.unsent.${room}.`;
  }

  /** @returns {Entry[]} in no order */
  all() {
    const keys = this.storage === null ? [] : Array.from(this.storage, (_, index) => this.storage?.key(index));
    const entries = keys.map((key) => this.#parse(key, this.storage?.getItem(key ?? "")));
    return entries.filter((entry) => entry !== null);
  }

  /** @param {Entry} entry @returns {boolean} whether it outlives the page */
  put({ cid, handle, body, at, meant, fault, spent }) {
    try {
      this.storage?.setItem(this.prefix + cid, JSON.stringify({ handle, body, at, meant, fault, spent }));
      return this.storage !== null;
    } catch {
      // It is full.
      return false;
    }
  }

  /** @param {string} cid */
  drop(cid) {
    this.storage?.removeItem(this.prefix + cid);
  }

  /**
   * What another tab did, by the browser's event.
   * @param {{ key: string | null, newValue: string | null }} event
   * @returns {{ cid: string, entry: Entry | null } | null} null if it is about something else
   */
  changed({ key, newValue }) {
    if (!key?.startsWith(this.prefix)) return null;
    return { cid: key.slice(this.prefix.length), entry: this.#parse(key, newValue) };
  }

  /** @param {string | null | undefined} key @param {string | null | undefined} text @returns {Entry | null} */
  #parse(key, text) {
    if (!key?.startsWith(this.prefix) || !text) return null;
    try {
      const { handle, body, at, meant, fault, spent } = JSON.parse(text);
      const right = typeof handle === "string" && typeof body === "string" && Number.isFinite(at);
      const cid = key.slice(this.prefix.length);
      return right ? { cid, handle, body, at, meant: meant ?? at, fault: fault ?? "", spent: !!spent, asks: false } : null;
    } catch {
      return null;
    }
  }
}

/** The browser's storage, if it lets us have it. @returns {Storage | null} */
export function browserStorage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
