"""`python -m client` is `sluice`, for where the command itself is not on PATH."""

from __future__ import annotations

from client.command import main

main()
