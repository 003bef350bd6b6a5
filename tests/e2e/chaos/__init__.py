"""People who chat while everything breaks, and a checker that reads what each of them saw.

* `site` runs the processes, `faults` breaks and mends them by a seeded schedule;
* `clients` talk and write down what they sent, what was acknowledged, what they received, when each socket lived: the
  `history`;
* `journal` is what the consumers write down: which sockets came and went;
* `checker` compares all that with the rows of the database and says what must not have happened;
* `report` counts it by fault.

``python -m tests.e2e.chaos`` runs it for minutes; ``tests/e2e/test_chaos.py`` for seconds.
"""
