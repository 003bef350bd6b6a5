// A room's page: puts the parts together.

import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { offerCopy } from "./copy.js";
import { recall } from "./handle.js";
import { Log } from "./log.js";
import { Outbox } from "./outbox.js";
import { Pending } from "./pending.js";
import { Sequence } from "./sequence.js";
import { browserStorage, Shelf } from "./shelf.js";
import { Socket } from "./socket.js";
import { Status } from "./status.js";

/** @param {string} id */
const byId = (id) => /** @type {any} */ (document.getElementById(id));

const room = byId("room");
const url = new URL(location.pathname, location.href);
url.protocol = url.protocol === "https:" ? "wss:" : "ws:";

recall(byId("handle"));
offerCopy(byId("copy"), byId("link"));
const log = new Log(byId("log"), byId("scroller"));
const status = new Status(byId("status"));
const shelf = new Shelf(browserStorage(), room.dataset.label);
const outbox = new Outbox(shelf);
// What the page was served with is stored, whatever became of its acknowledgement.
for (const cid of log.cids()) outbox.settle(cid);

const pending = new Pending(byId("pending"), {
  onRetry: (cid) => conversation.retry(cid),
  onEdit: (cid) => composer.giveBack(conversation.withdraw(cid)),
  onDiscard: (cid) => conversation.withdraw(cid),
});

const conversation = new Conversation({
  send: (frame) => socket.send(frame),
  move: () => socket.move(),
  busy: (is) => status.show(is ? "busy" : "open"),
  log,
  pending,
  sequence: new Sequence(Number(room.dataset.last)),
  outbox,
});

const composer = new Composer(byId("composer"), { message: Number(room.dataset.messageLimit) }, (handle, body) => {
  const taken = conversation.say(handle, body);
  log.toEnd();
  return taken;
});

const socket = new Socket(url.href, "switchboard.v1", {
  onFrame: (frame) => conversation.take(frame),
  onState: (state) => {
    status.show(state);
    if (state === "open") conversation.opened();
  },
});

for (const entry of outbox.adopt()) pending.show(entry);
log.toEnd();
addEventListener("storage", (event) => {
  const change = shelf.changed(event);
  if (change) conversation.follow(change.cid, change.entry);
});
socket.connect();
