"""The folder that outputs go to, as an option."""

from __future__ import annotations

import os
from pathlib import Path

import click

out_option = click.option(
    "--out",
    metavar="DIR",
    default=Path(),
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    help="Where the outputs go; made if absent.  [default: here]",
)


def make_folder(folder: Path) -> None:
    """Before anything is sent that could not be kept. Raises BadParameter."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(
            f"the folder {folder} cannot be made ({_why(error)}): name another.",
            param_hint="--out",
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise click.BadParameter(f"{folder} is not writable.", param_hint="--out")


def _why(error: OSError) -> str:
    """Its parents are there or were made: "No such file" then means that nothing can be made there,
    as in /proc, and would puzzle whoever asked for something new."""
    if isinstance(error, FileNotFoundError):
        return "no folders can be made in that place"
    return error.strerror or str(error)
