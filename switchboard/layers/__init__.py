"""What lies between interfaces and workers: named channels, inboxes, groups and socket records.

`base` is the contract, `memory` and `redis` keep it, and ``switchboard.testing.contract`` proves that they do.
"""
