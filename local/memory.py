"""How much memory a process and all that it started hold, by the kernel's own high-water marks.

Not by the rusage of a process that has ended: through vfork and exec Linux carries the memory of
the process that started it, here the engine's, into that. Run under the engine's own Python.
"""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")


def peak_kib(root: int) -> int:
    """The peaks of the process and its descendants, added up; 0 where the kernel does not tell."""
    if not PROC.exists():
        return 0
    family, waiting = {root}, [root]
    children = _children()
    while waiting:
        found = [each for each in children.get(waiting.pop(), []) if each not in family]
        family.update(found)
        waiting += found
    return sum(map(_own_peak_kib, family))


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            # The name in parentheses may hold spaces and parentheses: state and parent follow it.
            fields = _read(entry / "stat").rpartition(")")[2].split()
            if len(fields) > 1:
                found.setdefault(int(fields[1]), []).append(int(entry.name))
    return found


def _own_peak_kib(process: int) -> int:
    for line in _read(PROC / str(process) / "status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it ended meanwhile
        return ""
