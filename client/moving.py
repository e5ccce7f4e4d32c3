"""The verbs that move files: upload them, and convert them on the way there and back.

0 all of them · 1 some file was not · 2 wrong usage · 3 nothing could be tried: the local pipeline
did not start or the API never answered · 130 interrupted (Ctrl-C) · 143 terminated.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from client.asking import Asked, conversion_options, optional_conversion_options
from client.batch import Batch, numbers_for
from client.convert import Journey
from client.deployment import Deployment, on_deployment, on_deployment_or_local
from client.destination import Destination
from client.out import make_folder, out_option
from client.outcome import Ended, exit_code
from client.pipeline import local_pipeline
from client.retry import Patience
from client.show import Display, display_for
from client.surroundings import Surroundings, in_surroundings
from client.unfinished import Wanted
from client.upload import Delivery
from client.visit import in_loop

Command = Callable[..., Any]

_files = click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
_OPTIONS = (
    click.option(
        "--delete-after-download",
        is_flag=True,
        help="Let the deployment delete its output after the first download, as soon as the link "
        "for that has ended (an hour, unless it was deployed with another).",
    ),
    click.option(
        "--no-resume",
        is_flag=True,
        help="Begin an upload anew that an earlier run of the same command left unfinished, and "
        "give that one up.",
    ),
    click.option(
        "--jobs",
        default=4,
        show_default=True,
        type=click.IntRange(1, 64),
        help="How many files are on their way side by side.",
    ),
    click.option("--json", "as_json", is_flag=True, help="One JSON object a file on stdout."),
)


def _sending_options(command: Command) -> Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@_files
@conversion_options
@out_option
@_sending_options
@on_deployment_or_local
@in_surroundings
def convert(
    surroundings: Surroundings,
    files: tuple[Path, ...],
    conversion: Asked,
    out: Path,
    delete_after_download: bool,
    no_resume: bool,
    jobs: int,
    as_json: bool,
    deployment: Deployment | None,
) -> None:
    """Upload, convert and download each FILE; one that fails does not harm the others.

    An output is called as its file, with the format's suffix. Nothing is ever overwritten: if the
    name is taken, or several files lead to the same one, it is numbered in the order given:
    a.mp3, a (1).mp3.

    A file above 16 MiB is uploaded in parts. If that is broken off, the same command takes it up
    again and sends only what is missing, unless the file has changed.

    Standard output has a line a file, as each is over: where its output is, or with --json an
    object with file, jobId, status (completed, failed, cancelled, interrupted), output,
    durationSeconds, bytes, mode, loudness (null, or before and after), waveform (the files saved),
    warnings and error (null, or code and message). All else, warnings too, is on standard error.

    \b
    Exit codes:
      0    every file was converted
      1    some file was not
      2    wrong usage
      3    nothing could be tried: the local pipeline did not start, or
           the API never answered
      130  interrupted by Ctrl-C (143: terminated); jobs already started on
           a deployment run on there
    """
    make_folder(out)
    display = display_for([click.format_filename(each) for each in files])
    wanted = Wanted((conversion,), delete_after_download)
    journeys = [
        Journey(file, wanted, Destination(out), number, partial(display.show, row))
        for row, (file, number) in enumerate(zip(files, numbers_for(files), strict=True))
    ]
    there = nullcontext(deployment) if deployment else _local(display.note, surroundings.local)
    # A pipeline that lives as long as this call keeps nothing to be taken up.
    run = _Run(there, jobs, surroundings.patience, bool(deployment), no_resume)
    batch = Batch(journeys, display, lambda outcome: _report(outcome, display, as_json))
    sys.exit(run.all_of(batch, display, "converted"))


@click.command()
@_files
@optional_conversion_options
@_sending_options
@on_deployment
@in_surroundings
def upload(
    surroundings: Surroundings,
    files: tuple[Path, ...],
    conversion: Asked | None,
    delete_after_download: bool,
    no_resume: bool,
    jobs: int,
    as_json: bool,
    deployment: Deployment,
) -> None:
    """Upload each FILE to a deployment, and say the id it has there.

    With --to or --preset its conversion begins there when it has arrived, and the id of the job is
    told too; without, nothing is made of it until `sluice start` asks for it. An upload in parts
    that is broken off is taken up again by the same command, as with `sluice convert`.

    Standard output has a line a file, or with --json an object with file, fileId, status (uploaded,
    failed, interrupted), bytes, jobIds and error (null, or code and message).

    \b
    Exit codes:
      0    every file was uploaded, and its job begun if one was asked for
      1    some file was not
      2    wrong usage
      3    the API never answered
      130  interrupted by Ctrl-C (143: terminated)
    """
    display = display_for([click.format_filename(each) for each in files])
    wanted = Wanted(() if conversion is None else (conversion,), delete_after_download)
    journeys = [
        Delivery(file, wanted, partial(display.show, row)) for row, file in enumerate(files)
    ]
    run = _Run(nullcontext(deployment), jobs, surroundings.patience, True, no_resume)
    batch = Batch(journeys, display, lambda outcome: _report(outcome, display, as_json))
    sys.exit(run.all_of(batch, display, "uploaded"))


@dataclass(frozen=True)
class _Run:
    there: AbstractAsyncContextManager[Deployment]
    side_by_side: int
    patience: Patience
    remembers: bool
    anew: bool

    def all_of(self, batch: Batch[Any], display: Display, done: str) -> int:
        """The exit code. What is interrupted cleans up after itself."""
        with display:
            code = in_loop(lambda: self._code_of(batch))
            if len(batch.outcomes) > 1:
                display.note(f"{batch.succeeded} of {len(batch.outcomes)} files {done}.")
        return code

    async def _code_of(self, batch: Batch[Any]) -> int:
        outcomes = await batch.run(
            *(self.there, self.side_by_side, self.patience, self.remembers, self.anew)
        )
        return exit_code(outcomes, batch.was_heard)


@asynccontextmanager
async def _local(note: Callable[[str], None], command: Sequence[str]) -> AsyncGenerator[Deployment]:
    async with local_pipeline(note, command) as url:
        yield Deployment(url)


def _report(outcome: Ended, display: Display, as_json: bool) -> None:
    for warning in outcome.told_warnings:
        display.note(warning)
    if as_json:
        display.result(json.dumps(outcome.to_json()))
    elif outcome.error is None:
        display.result(str(outcome))
    else:
        display.note(str(outcome))
