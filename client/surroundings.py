"""What the commands take from around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import click

from client.pipeline import LOCAL
from client.retry import Patience


@dataclass(frozen=True)
class Surroundings:
    """`main(obj=…)` gives others, in tests."""

    local: Sequence[str] = LOCAL
    patience: Patience = field(default_factory=Patience)


in_surroundings = click.make_pass_decorator(Surroundings, ensure=True)
