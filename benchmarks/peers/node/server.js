/**
 * Socket.IO 4 with its Redis adapter, on Node.
 *
 * By https://socket.io/docs/v4/redis-adapter/ (createAdapter over two clients of the `redis` package) and
 * https://socket.io/docs/v4/rooms/. In its favour: two processes, one a core
 * (https://socket.io/docs/v4/using-multiple-nodes/); only WebSockets, so nothing has to be sticky; the native add-on
 * `bufferutil` (https://socket.io/docs/v4/performance-tuning/); the first request of a socket is let go
 * (https://socket.io/docs/v4/memory-usage/); NODE_ENV=production; better-sqlite3 with a prepared statement, which its
 * README calls the fastest way into SQLite.
 */

import { createServer } from "node:http";
import Database from "better-sqlite3";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const { DATA_DIR, PORT, REDIS_SOCKET } = process.env;

const database = new Database(`${DATA_DIR}/db.sqlite3`, { timeout: 20_000 });
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL"); // its build's default is NORMAL under WAL
database.exec(
  "CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, room TEXT, handle TEXT, message TEXT, timestamp TEXT);" +
    "CREATE INDEX IF NOT EXISTS message_room ON message (room);",
);
const insert = database.prepare("INSERT INTO message (room, handle, message, timestamp) VALUES (?, ?, ?, ?)");

const publisher = createClient({ socket: { path: REDIS_SOCKET } });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const server = createServer();
const io = new Server(server, { transports: ["websocket"], adapter: createAdapter(publisher, subscriber) });

io.on("connection", (socket) => {
  const { room } = socket.handshake.query;
  socket.conn.request = null; // only now: the handshake's query is read from it
  socket.join(room);
  socket.on("message", ({ handle, message }) => {
    const timestamp = new Date().toISOString();
    insert.run(room, handle, message, timestamp);
    io.to(room).emit("message", { handle, message, timestamp });
  });
});

server.listen({ port: Number(PORT), host: "127.0.0.1", backlog: 1024 });
