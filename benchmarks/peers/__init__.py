"""The same chat on other systems: let in, join the room, store one row for each message, tell the room.

Each is as small as its own tutorial, and tuned as its own documentation says; the sources stand in each docstring. What
is equal for all: a private Redis on a unix socket, SQLite in WAL mode with `synchronous=FULL` (an acknowledged message
outlives a power cut), no compression, no login, the same text. Processes: two where the documentation asks for one a
core, each on a port of its own, and the load generator takes turns, as a load balancer does.
"""
