// What was said and is not acknowledged yet, in the order in which it was said.
//
// Each entry has an id of its own, under which the server stores it once, however often it is sent. So everything that
// waits may be sent again whenever there is doubt.

/** @typedef {{ cid: string, handle: string, body: string, fault: string }} Entry */

export class Outbox {
  constructor() {
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
  }

  /** @param {string} handle @param {string} body @returns {Entry} */
  add(handle, body) {
    const entry = { cid: newId(), handle, body, fault: "" };
    this.entries.set(entry.cid, entry);
    return entry;
  }

  /** It is stored, or given up. @param {string | undefined} cid @returns {Entry | undefined} the entry if it was here */
  settle(cid) {
    const entry = cid === undefined ? undefined : this.entries.get(cid);
    if (entry) this.entries.delete(entry.cid);
    return entry;
  }

  /**
   * It was refused. Without a cid the oldest is meant, since they are handled in order.
   * @param {string | undefined} cid @param {string} fault @returns {Entry | undefined}
   */
  refuse(cid, fault) {
    const entry = cid === undefined ? this.waiting()[0] : this.entries.get(cid);
    if (entry) entry.fault = fault;
    return entry;
  }

  /** It is to be tried again. @param {string} cid @returns {Entry | undefined} */
  renew(cid) {
    return this.refuse(cid, "");
  }

  /** What is to be sent again. @returns {Entry[]} */
  waiting() {
    return [...this.entries.values()].filter((entry) => !entry.fault);
  }
}

// crypto.randomUUID exists on https only; a chat at home may be on http.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
