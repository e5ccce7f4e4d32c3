"""What can go wrong before anything is deployed; the message is for whoever typed the command.

    InfraError
    ├── OptionError    a context option has a value nobody can build: choose another
    └── BundleError    the functions cannot be packed from this environment: mend it

app.py prints the message and leaves the trace out.
"""

from __future__ import annotations


class InfraError(Exception):
    """Root of the tree."""


class OptionError(InfraError):
    """Raised by infra/options.py."""


class BundleError(InfraError):
    """Raised by infra/bundle.py."""
