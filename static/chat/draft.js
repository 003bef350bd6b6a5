// What is being written, kept for each room until it is sent.

import { keep, recall } from "./memory.js";

/** @param {HTMLTextAreaElement} box @param {string} room */
export function keepDraft(box, room) {
  const key = `draft.${room}`;
  // A page that the browser brought back, and a form that was refused, have a text of their own.
  if (!box.value) box.value = recall(key) ?? "";
  box.addEventListener("input", () => keep(key, box.value || null));
}
