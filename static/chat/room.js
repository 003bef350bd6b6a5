// A room's page: puts the parts together.

import { Completion } from "./completion.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { keepDraft } from "./draft.js";
import { closeDrops } from "./drop.js";
import { keepFormsFresh } from "./forms.js";
import { Handle } from "./handle.js";
import { History } from "./history.js";
import { offerLink } from "./invite.js";
import { Keys } from "./keys.js";
import { Log } from "./log.js";
import { keep, recall } from "./memory.js";
import { NoticeLine } from "./notices.js";
import { Notify } from "./notify.js";
import { Outbox } from "./outbox.js";
import { Pending } from "./pending.js";
import { People } from "./people.js";
import { Roster } from "./roster.js";
import { Sequence } from "./sequence.js";
import { browserStorage, Shelf } from "./shelf.js";
import { Socket } from "./socket.js";
import { Status } from "./status.js";
import { Typing } from "./typing.js";
import { View } from "./view.js";
import { word } from "./words.js";

/** @param {string} id */
const byId = (id) => /** @type {any} */ (document.getElementById(id));

const room = byId("room");
const label = room.dataset.label;
// A page of older messages is for who has no scripts; here they come into the room.
if (room.dataset.before) location.replace(`${location.pathname}#m${room.dataset.before}`);
const url = new URL(location.pathname, location.href);
url.protocol = url.protocol === "https:" ? "wss:" : "ws:";

// -- reading

const handle = new Handle(byId("handle"), (name) => {
  composer.say("");
  conversation.rename(name);
});
const people = new People({ changed: () => roster.show(), tell: (change) => notices.tell(change) });
const log = new Log(byId("log"), byId("earlier"), () => [...people.handles, handle.value]);
const view = new View(byId("scroller"), byId("column"), byId("pill"));
const notices = new NoticeLine(byId("log"));
const history = new History(label, {
  log,
  view,
  past: byId("past"),
  link: byId("older"),
  start: byId("invitation"),
  lost: () => notices.say(word("lost")),
});
const places = { panel: byId("people"), count: byId("count"), words: byId("count-words"), list: byId("roster") };
const roster = new Roster(places, people);
const notify = new Notify(byId("notify-on"), byId("notify-choice"), byId("notify-words"), label);
const typing = new Typing({
  send: () => socket.send({ t: "typing" }),
  show: (text) => (byId("typing").textContent = text),
});

/** @param {import("./sequence.js").Line[]} lines @param {HTMLElement[]} rows */
function arrived(lines, rows) {
  for (const [index, line] of lines.entries()) {
    typing.stopped(line.person);
    if (!line.mine && rows[index].classList.contains("mentions")) notify.tell(line);
  }
  view.arrived(rows.filter((_, index) => !lines[index].mine && !lines[index].deleted));
  // Who reads further up keeps what they read.
  if (view.atEnd && log.trim()) {
    history.again();
    view.toEnd();
  }
}

// -- talking

const draftAtRisk = keepDraft(byId("body"), label);
const status = new Status(byId("status"));
const shelf = new Shelf(browserStorage(), label);
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
  name: () => handle.value,
  remembered: () => handle.remembered,
  log: {
    append: (lines) => arrived(lines, log.append(lines)),
    replace: (lines) => {
      arrived(lines, log.replace(lines));
      history.again();
    },
  },
  pending,
  sequence: new Sequence(Number(room.dataset.last)),
  outbox,
  listener: {
    you: (you, settled) => {
      if (you.handle && settled) handle.become(you.handle);
      people.own = you.person;
      log.call(you.handle ?? handle.value);
      keys.turn(!!you.keys);
    },
    unnamed: (text) => {
      handle.refused();
      composer.say(text);
    },
    slow: (seconds) => {
      composer.hold(seconds);
      pending.wait(seconds);
    },
    other: (frame, again) => told[frame.t]?.(frame, again),
  },
});

/** What is told about people and the room. @type {Record<string, (frame: any, again?: boolean) => void>} */
const told = {
  welcome: (frame) => {
    if (frame.people) people.begin(frame.people, frame.count ?? frame.people.length, frame.you?.person);
    byId("typing-choice").hidden = !frame.people;
    if (frame.room) told.room(frame.room);
  },
  person: (frame, again) => people.take(frame, again),
  people: ({ count }) => people.recount(count),
  typing: (frame) => frame.person !== people.own && typing.take(frame),
  deleted: ({ seq }) => log.bury(seq),
  muted: ({ person, muted }) => keys.mark(person, muted),
  room: ({ name, topic, locked }) => {
    if (name && name !== label) byId("name").textContent = name;
    byId("topic").textContent = topic ?? "";
    byId("topic").hidden = !topic;
    byId("locked").hidden = !locked;
    keys.about({ topic: topic ?? "", locked: !!locked });
  },
};

const limits = { message: Number(room.dataset.messageLimit) };
const composer = new Composer(byId("composer"), limits, handle, (name, body) => {
  const taken = conversation.say(name, body);
  view.toEnd();
  return taken;
});
const others = () => people.handles.filter((name) => name !== handle.value);
new Completion(byId("body"), others, (text) => composer.suggest(text));

const socket = new Socket(url.href, "switchboard.v1", {
  onFrame: (frame) => conversation.take(frame),
  onState: (state, seconds) => {
    status.show(state, seconds);
    if (state === "open") {
      history.recover();
      conversation.opened();
    }
    if (!["refused", "banned", "gone"].includes(state)) return;
    composer.close(word(state));
    conversation.end(word(state));
  },
});

// -- the rest of the page

const keys = new Keys(room.dataset, byId("scroller"), roster);
offerLink(byId("link"), document.title, { share: byId("share"), copy: byId("copy"), give: byId("give") });
closeDrops();
keepFormsFresh();
byId("try-now").addEventListener("click", () => socket.tryNow());
byId("body").addEventListener("input", () => byId("body").value && typing.typed());
byId("typing-on").checked = recall("typing") !== "off";
typing.turn(byId("typing-on").checked);
byId("typing-on").addEventListener("change", (/** @type {any} */ { target }) => {
  typing.turn(target.checked);
  keep("typing", target.checked ? null : "off");
});

for (const entry of outbox.adopt()) pending.show(entry);
view.toEnd();
history.find();
addEventListener("storage", (event) => {
  const change = shelf.changed(event);
  if (change) conversation.follow(change.cid, change.entry);
});
// Where the browser keeps nothing, or no more, what is not sent yet goes with the page: it asks.
addEventListener("beforeunload", (event) => {
  if (outbox.atRisk || draftAtRisk()) event.preventDefault();
});
socket.connect();
