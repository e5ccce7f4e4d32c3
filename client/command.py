"""The command `sluice`, as it is installed: loads the rest of the client only when it is called.

HTTP, TLS and the bars take a good part of a second to import. Ctrl-C in that time is Ctrl-C all
the same: exit code 130 and not a word, instead of a traceback out of some library's middle. So this
module, and whatever it imports at its top, stays as light as it is.
"""

from __future__ import annotations

import sys


def main() -> None:
    try:
        from client.verbs import main as sluice

        sluice(prog_name="sluice")
    except KeyboardInterrupt:
        sys.exit(130)  # client.outcome.INTERRUPTED, which may not be importable at this moment
