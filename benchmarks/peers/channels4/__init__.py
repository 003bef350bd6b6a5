"""Channels 4 on Daphne, with either layer of channels-redis.

As the documentation's tutorial has it (https://channels.readthedocs.io/en/stable/tutorial/part_3.html: an
`AsyncWebsocketConsumer`, `group_add`, `group_send`), with the insert by `database_sync_to_async`
(https://channels.readthedocs.io/en/stable/topics/databases.html). In its favour:

* two Daphne processes ("roughly the number of CPUs you have", https://channels.readthedocs.io/en/stable/deploying.html);
* the core layer's `capacity` is raised from 100, at which it drops messages, to 10,000 (channels-redis' README);
* Redis over a unix socket ("slightly faster", the same README), without a time limit on reads: redis-py's own default,
  5 s, is that of the layer's blocking read;
* the database connection stays open (`CONN_MAX_AGE`, Django's documentation);
* no `AuthMiddlewareStack` and no origin check, which the tutorial has.
"""
