// What was said and is not acknowledged yet, in the order in which it was said.
//
// Each entry has an id of its own, under which the server stores it once, however often it is sent and by whichever tab.
// So everything that waits may be sent again whenever there is doubt. What is too old to be sent without a question waits
// for the answer; what was said after it does not.

/** @typedef {import("./shelf.js").Entry} Entry */

/** What was meant longer ago than this may be out of place by now. */
const OLD_MS = 120_000;
/** So many may wait: at most 400 KB of the few megabytes that a browser keeps for a site. */
const LIMIT = 100;

export class Outbox {
  /** @param {import("./shelf.js").Shelf} shelf @param {() => number} [now] milliseconds */
  constructor(shelf, now = Date.now) {
    this.shelf = shelf;
    this.now = now;
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
    /** @type {Set<string>} the ids of those that the shelf could not take */
    this.loose = new Set();
  }

  /** Whether something would be gone with the page. */
  get atRisk() {
    return this.loose.size > 0;
  }

  /** Whether no more may wait. */
  get full() {
    return this.entries.size >= LIMIT;
  }

  /** @param {string} handle @param {string} body @returns {Entry} */
  add(handle, body) {
    // One after the other, also within a millisecond and when the clock was put back.
    const at = Math.max(this.now(), ...[...this.entries.values()].map((entry) => entry.at + 1));
    return this.#keep({ cid: newId(), handle, body, at, meant: this.now(), asks: false, fault: "", spent: false });
  }

  /** Take in what is on the shelf: an earlier page's, or that of a tab which is gone. @returns {Entry[]} what was new */
  adopt() {
    const found = this.shelf.all().filter(({ cid }) => !this.entries.has(cid));
    for (const entry of found.sort(byTime)) this.entries.set(entry.cid, entry);
    return found;
  }

  /** Another tab changed an entry. @param {string} cid @param {Entry | null} entry @returns {Entry | undefined} if known */
  follow(cid, entry) {
    if (!this.entries.has(cid)) return undefined;
    if (entry) this.entries.set(cid, entry);
    else this.#forget(cid);
    return entry ?? undefined;
  }

  /** Whether it was said here. @param {string | undefined} cid */
  has(cid) {
    return cid !== undefined && this.entries.has(cid);
  }

  /** It is stored, or given up. @param {string | undefined} cid @returns {Entry | undefined} the entry if it was here */
  settle(cid) {
    const entry = cid === undefined ? undefined : this.entries.get(cid);
    if (cid !== undefined) this.shelf.drop(cid);
    if (entry) this.#forget(entry.cid);
    return entry;
  }

  /**
   * It was refused.
   * @param {string | undefined} cid @param {string} fault @param {boolean} [spent] @returns {Entry | undefined}
   */
  refuse(cid, fault, spent = false) {
    const entry = cid === undefined ? undefined : this.entries.get(cid);
    return entry && this.#keep(Object.assign(entry, { fault, spent }));
  }

  /**
   * Somebody wants it sent, now.
   * @param {string} cid @param {string} [handle] theirs, if it is another one by now
   * @returns {Entry | undefined} under a new id if the old one is spent
   */
  renew(cid, handle) {
    const entry = this.entries.get(cid);
    if (!entry) return undefined;
    if (entry.spent) this.settle(cid);
    const id = entry.spent ? newId() : cid;
    return this.#keep({ ...entry, handle: handle || entry.handle, cid: id, meant: this.now(), asks: false, fault: "", spent: false });
  }

  /** @returns {{ entry: Entry | undefined, old: Entry[] }} what is to be sent next, and what asks from now on */
  next() {
    const old = [];
    for (const entry of [...this.entries.values()].sort(byTime)) {
      if (entry.fault || entry.asks) continue;
      if (this.now() - entry.meant <= OLD_MS) return { entry, old };
      entry.asks = true;
      old.push(entry);
    }
    return { entry: undefined, old };
  }

  /** @param {Entry} entry */
  #keep(entry) {
    this.entries.set(entry.cid, entry);
    if (this.shelf.put(entry)) this.loose.delete(entry.cid);
    else this.loose.add(entry.cid);
    return entry;
  }

  /** @param {string} cid */
  #forget(cid) {
    this.entries.delete(cid);
    this.loose.delete(cid);
  }
}

/** @param {Entry} a @param {Entry} b */
function byTime(a, b) {
  return a.at - b.at || (a.cid < b.cid ? -1 : 1);
}

// crypto.randomUUID exists on https only; a chat at home may be on http.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
