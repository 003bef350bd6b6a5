"""What Daphne serves: the interface. It holds the sockets and no application code, hence no `django.setup()`."""

from __future__ import annotations

import os

from switchboard.interface import Interface

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

application = Interface()
