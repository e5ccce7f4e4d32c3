"""What can go wrong on this machine, by what its reader does next; every message says what.

LocalError
├── NotInstalled     something this machine lacks: install it
├── PortInUse        take another port
├── DataUnusable     give another --data, or mend that directory
├── EngineFailed     the engine did not start or has ended: read its log
├── RedisFailed      the Redis did not start: what it said is on stderr
├── SynthFailed      app.py did not synthesise: mend infra/
├── DeployFailed     a resource was refused: its reason is in the message
└── ImageNotBuilt    the converter's image was not built: what builds it said why
"""

from __future__ import annotations


class LocalError(Exception):
    exit_code = 1


class NotInstalled(LocalError):
    pass


class PortInUse(LocalError):
    exit_code = 2


class DataUnusable(LocalError):
    pass


class EngineFailed(LocalError):
    pass


class RedisFailed(LocalError):
    pass


class SynthFailed(LocalError):
    pass


class DeployFailed(LocalError):
    pass


class ImageNotBuilt(LocalError):
    pass
