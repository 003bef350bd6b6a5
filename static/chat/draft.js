// What is being written, kept for each room until it is sent.

import { keep, recall } from "./memory.js";

/**
 * @param {HTMLTextAreaElement} box @param {string} room
 * @returns {() => boolean} whether the text there would be gone with the page
 */
export function keepDraft(box, room) {
  const key = `draft.${room}`;
  // A page that the browser brought back, and a form that was refused, have a text of their own.
  if (!box.value) box.value = recall(key) ?? "";
  let kept = true;
  const save = () => (kept = keep(key, box.value || null));
  box.addEventListener("input", save);
  // Another tab of the room has the same key, and may have sent its own text since.
  addEventListener("pagehide", () => box.value && save());
  return () => !!box.value && !kept;
}
