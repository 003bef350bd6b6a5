// Messages in the order of their numbers, each once.
//
// A room counts its messages 1, 2, 3 … What comes again is dropped, what comes early waits for what is missing. Only the
// server knows whether a missing number is late or deleted: its welcome says up to where nothing more will come.

/**
 * @typedef {{
 *   seq: number, handle: string, body: string, at: string,
 *   cid?: string, user?: string, person?: string, deleted?: boolean, mine?: boolean,
 * }} Line
 */

export class Sequence {
  /** @param {number} last the number of the last message shown */
  constructor(last) {
    this.last = last;
    /** @type {Map<number, Line>} */
    this.early = new Map();
  }

  /** Whether something is missing. */
  get waits() {
    return this.early.size > 0;
  }

  /** @param {Line} line @returns {Line[]} what can be shown now */
  take(line) {
    if (line.seq > this.last) this.early.set(line.seq, line);
    return this.#ready();
  }

  /**
   * Everything up to `seq`: the numbers that are not in `lines` are no more.
   * @param {number} seq @param {Line[]} lines @returns {Line[]} what can be shown now
   */
  complete(seq, lines) {
    for (const line of lines) if (line.seq > this.last) this.early.set(line.seq, line);
    const known = [...this.early.values()].filter((line) => line.seq <= seq).sort((a, b) => a.seq - b.seq);
    for (const line of known) this.early.delete(line.seq);
    this.last = Math.max(this.last, seq);
    return [...known, ...this.#ready()];
  }

  /** Begin anew: nothing is shown. */
  forget() {
    this.last = 0;
  }

  #ready() {
    const ready = [];
    for (let line; (line = this.early.get(this.last + 1)); ) {
      ready.push(line);
      this.early.delete(line.seq);
      this.last = line.seq;
    }
    return ready;
  }
}
