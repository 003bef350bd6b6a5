"""The run command: `python -m project.run`, or `make run`. Everything in one foreground command, gone when it ends.

It checks (`preflight`), prepares (`preparation`), starts supervisord with the operators' `supervisord.conf` and in it
the wanted number of processes (`supervision`), and waits for an ending (`endings`). In the order of `command`.
"""
