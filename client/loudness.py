"""How loud a job found its input and made its output, as the API tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from client.reading import number


@dataclass(frozen=True)
class Loudness:
    """EBU R 128's measures of one signal, in LUFS, LU and dBTP; None where it is silent."""

    integrated_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None

    def to_json(self) -> dict[str, float | None]:
        return {
            "integratedLufs": self.integrated_lufs,
            "rangeLu": self.range_lu,
            "truePeakDbtp": self.true_peak_dbtp,
        }

    @classmethod
    def from_json(cls, body: Any) -> Loudness:
        measures = (body.get(name) for name in ("integratedLufs", "rangeLu", "truePeakDbtp"))
        return cls(*map(number, measures))


@dataclass(frozen=True)
class LoudnessChange:
    before: Loudness
    after: Loudness

    def to_json(self) -> dict[str, Any]:
        return {"before": self.before.to_json(), "after": self.after.to_json()}

    @classmethod
    def from_json(cls, body: Any) -> LoudnessChange | None:
        if not body:
            return None
        return cls(Loudness.from_json(body["before"]), Loudness.from_json(body["after"]))
