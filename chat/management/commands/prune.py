from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from chat.retention import prune


class Command(BaseCommand):
    help = "Remove what is older than it is to be kept: see docs/operations.md. To be run once a day."

    def handle(self, *args: Any, **options: Any) -> None:
        removed = asdict(prune())
        if options["verbosity"]:
            self.stdout.write("Removed " + ", ".join(f"{count} {name}" for name, count in removed.items()) + ".")
