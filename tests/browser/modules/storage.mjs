// The browser's storage as far as the page uses it.

export class FakeStorage {
  constructor({ limit = Infinity } = {}) {
    this.items = new Map();
    this.limit = limit;
  }
  get length() {
    return this.items.size;
  }
  key(index) {
    return [...this.items.keys()][index] ?? null;
  }
  getItem(key) {
    return this.items.get(key) ?? null;
  }
  setItem(key, value) {
    if (this.items.size >= this.limit && !this.items.has(key)) throw new Error("QuotaExceededError");
    this.items.set(key, value);
  }
  removeItem(key) {
    this.items.delete(key);
  }
}
