"""Django's views under WSGI, as the workers run them; a plain WSGI server can serve the pages without sockets too."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

application = get_wsgi_application()
