// The browser's storage as far as the page uses it.

export class FakeStorage {
  constructor({ limit = Infinity, bytes = Infinity } = {}) {
    this.items = new Map();
    this.limit = limit;
    this.bytes = bytes;
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
    const full = this.items.size >= this.limit && !this.items.has(key);
    if (full || value.length > this.bytes) throw new Error("QuotaExceededError");
    this.items.set(key, value);
  }
  removeItem(key) {
    this.items.delete(key);
  }
}
