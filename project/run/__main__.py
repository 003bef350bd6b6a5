"""`python -m project.run`. Parses under old Pythons too, so that they get a sentence instead of a SyntaxError."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older one is to read this
    sys.stderr.write("Switchboard needs Python 3.11 or newer; this is %s.\n" % sys.version.split()[0])  # noqa: UP031
    sys.exit(2)

import importlib.util

if not all(map(importlib.util.find_spec, ("django", "environ", "supervisor", "daphne"))):
    sys.stderr.write("The virtual environment is missing: `make run` makes .venv and starts from there.\n")
    sys.exit(2)

from project.run.command import main

sys.exit(main(sys.argv[1:]))
