// Who is in the room. A person is one, however many tabs they have open; who leaves is missed only after a while, so that
// a reload makes no noise.

/** Milliseconds that somebody may be gone without a word about it. */
const GRACE_MS = 30_000;

/** @typedef {{ person: string, handle: string | null, user?: string }} Person */
/** @typedef {{ kind: "joined" | "left" | "renamed", person: string, handle: string, before?: string }} Change */

export class People {
  /** @param {{ changed: () => void, tell: (change: Change) => void }} listener */
  constructor(listener) {
    this.listener = listener;
    /** @type {Map<string, Person>} */
    this.here = new Map();
    /** @type {Map<string, number | NodeJS.Timeout>} those who seem to have left */
    this.leaving = new Map();
    /** Of whom the server told only how many they are. */
    this.others = 0;
    /** @type {string | undefined} */
    this.own = undefined;
  }

  get count() {
    return this.here.size + this.others;
  }

  /** @returns {string[]} */
  get handles() {
    return [...this.here.values()].flatMap(({ handle }) => handle ?? []);
  }

  /** All who are there, as a welcome tells. @param {Person[]} people @param {number} count @param {string} [own] */
  begin(people, count, own) {
    for (const timer of this.leaving.values()) clearTimeout(timer);
    this.leaving.clear();
    this.own = own;
    this.here = new Map(people.map((each) => [each.person, each]));
    this.others = Math.max(0, count - this.here.size);
    this.listener.changed();
  }

  /** Of a crowd only the number is told. @param {number} count */
  recount(count) {
    this.others = Math.max(0, count - this.here.size);
    this.listener.changed();
  }

  /**
   * Somebody came, goes by another name, or left.
   * @param {Person & { here?: boolean }} frame @param {boolean} [again] whether it was told before
   */
  take({ person, handle, user, here }, again = false) {
    // Who is not welcomed yet knows neither who was there before nor who they are themselves. It will be told again.
    if (this.own === undefined) return;
    if (here === false) return this.#leave(person);
    const known = this.here.get(person);
    clearTimeout(this.leaving.get(person));
    this.leaving.delete(person);
    this.here.set(person, { person, handle, user });
    if (person !== this.own && handle && !again) {
      if (!known?.handle) this.listener.tell({ kind: "joined", person, handle });
      else if (known.handle !== handle) this.listener.tell({ kind: "renamed", person, handle, before: known.handle });
    }
    this.listener.changed();
  }

  /** @param {string} person */
  #leave(person) {
    if (!this.here.has(person) || this.leaving.has(person)) return;
    const timer = setTimeout(() => {
      const handle = this.here.get(person)?.handle;
      this.leaving.delete(person);
      this.here.delete(person);
      if (handle && person !== this.own) this.listener.tell({ kind: "left", person, handle });
      this.listener.changed();
    }, GRACE_MS);
    this.leaving.set(person, timer);
  }
}
