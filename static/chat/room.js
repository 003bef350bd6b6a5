// A room's page: puts the parts together.

import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { offerCopy } from "./copy.js";
import { recall } from "./handle.js";
import { Log } from "./log.js";
import { Outbox } from "./outbox.js";
import { Pending } from "./pending.js";
import { Sequence } from "./sequence.js";
import { Socket } from "./socket.js";
import { showStatus } from "./status.js";

/** @param {string} id */
const byId = (id) => /** @type {any} */ (document.getElementById(id));

const room = byId("room");
const url = new URL(location.pathname, location.href);
url.protocol = url.protocol === "https:" ? "wss:" : "ws:";

recall(byId("handle"));
offerCopy(byId("copy"), byId("link"));
const log = new Log(byId("log"), byId("scroller"));

const pending = new Pending(byId("pending"), {
  onRetry: (cid) => conversation.retry(cid),
  onEdit: (cid) => composer.write(conversation.withdraw(cid)),
});

const conversation = new Conversation({
  send: (frame) => socket.send(frame),
  move: () => socket.move(),
  busy: (is) => showStatus(byId("status"), is ? "busy" : "open"),
  log,
  pending,
  sequence: new Sequence(Number(room.dataset.last)),
  outbox: new Outbox(),
});

const composer = new Composer(byId("composer"), { message: Number(room.dataset.messageLimit) }, (handle, body) => {
  conversation.say(handle, body);
  log.toEnd();
});

const socket = new Socket(url.href, "switchboard.v1", {
  onFrame: (frame) => conversation.take(frame),
  onState: (state) => {
    showStatus(byId("status"), state);
    if (state === "open") conversation.hello();
  },
});
socket.connect();
