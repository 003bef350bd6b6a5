"""The layer on Redis (6.2 or newer).

Named channels are streams with the consumer group ``workers``. What is queued and what is pending stays in the stream
until it is committed, so its length is the depth which capacity bounds, and neither MAXLEN nor a TTL ever takes a
message away. The group is made at ``0`` by whoever finds it missing, so the layer mends itself after a flush.
Everything that must be atomic is one script in ``lua/``; each call is one round trip.

`Host` is the layer on one host. `RedisLayer` stands before one or several of them: `homes` says which of them is asked,
`relay` how what is sent on one arrives on another.

The keys, all under the prefix of ``CONFIG``. The version of the wire stands where messages are::

    key                     type    what                                              gone with
    stream1:<channel>       stream  e envelope, b bytes; k socket, o order,           each entry with its commit;
                                    s session; t time limit of a request (ms)         capacity bounds it
    sizes                   hash    channel -> bytes of its entries;                  an empty channel; its fields are
                                    !channel: when they were counted again            as many as channels
    inbox1:<interface>      stream  N-0: p events, b bytes before; k socket, o order  the next read or heartbeat; limit
                                                                                      bounds it
    interface:<interface>   hash    last entry's number; bytes, dropped, limit;       close_inbox
                                    join:<group> its last join; or only removed
    interfaces              hash    interface -> its last heartbeat (ms)              close_inbox, when no records
                                                                                      are left
    watched                 hash    interface -> its heartbeat when it was first      the next watch, when the
                                    seen, and that moment; looked: the last look;     interface is gone; all, when
                                    began, run_id: of this watch                      nobody looks any more
    socket:<reply channel>  hash    sent, acked, session, path                        the commit of its disconnect
    sockets:<interface>     set     its sockets that have records                     their records
    scan:<interface>        hash    began, cursor of the scan of a dead interface's   close_inbox; a minute
                                    sockets                                           without scans
    group:<group>           set     interfaces with members                           leave, close_inbox; dead ones
                                                                                      with the next group message
    report:<reply channel>  list    bytes written, unread by the worker               a minute
    workers                 hash    worker -> its count of heartbeats                 retire
    channels                set     named channels that had readers                   never; as many as streams
    deadletters             stream  c channel, e envelope, r reason;                  revive, drop_dead_letter; the
                                    k socket, o order                                 oldest when above 1,000
    outgoing1:<place>       stream  w outputs for the host at that place              the relay; the oldest when above
                                                                                      10,000
    received                hash    place of a host -> its last entry taken in        never; as many as hosts

An inbox exists while its ``interface:`` hash has a ``last``: appends to any other are left out, and the next group
message takes a vanished interface out of the group.
"""

from switchboard.layers.redis.layer import RedisLayer

__all__ = ["RedisLayer"]
