"""The verbs of `sluice`: what people type, and the exit codes they get back.

0 all converted · 1 some file was not · 2 wrong usage · 3 nothing could be tried: the local pipeline
did not start or the API did not answer · 130 interrupted (Ctrl-C) · 143 terminated.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

from client.asking import Asked, conversion_options
from client.batch import Batch
from client.destination import Destination
from client.options import api_url
from client.outcome import INTERRUPTED, TERMINATED, Outcome, exit_code
from client.pipeline import local_pipeline, run_in_foreground
from client.retry import Patience
from client.show import Display, display_for
from client.surroundings import Surroundings, in_surroundings
from client.tend import cancel, cleanup


class _Verbs(click.Group):
    """Ctrl-C outside of a verb's own care is 130 too: click would say "Aborted!", and exit 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sluice", message="%(prog)s %(version)s")
def main() -> None:
    """Convert audio files with Sluice, deployed on AWS or on this machine."""


main.add_command(cancel)
main.add_command(cleanup)


@main.command()
@click.option("--port", default=8787, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--data",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep files and records here across runs; without it they go when it stops.",
)
@click.option(
    "--progress-store",
    type=click.Choice(["dynamodb", "redis"]),
    help="Where progress is read first: its table (the default), or a Redis, which is started.",
)
@in_surroundings
def up(
    surroundings: Surroundings, port: int, data: Path | None, progress_store: str | None
) -> None:
    """Run the local pipeline until Ctrl-C.

    Its API answers at http://127.0.0.1:PORT/v1; `sluice convert --api` takes that address.
    """
    arguments = ["--port", str(port)]
    if data is not None:
        arguments += ["--data", str(data.absolute())]
    if progress_store is not None:
        arguments += ["--progress-store", progress_store]
    sys.exit(run_in_foreground(arguments, surroundings.local))


@main.command()
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@conversion_options
@click.option(
    "--out",
    metavar="DIR",
    default=Path(),
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    help="Where the outputs go; made if absent.  [default: here]",
)
@click.option(
    "--jobs",
    default=4,
    show_default=True,
    type=click.IntRange(1, 64),
    help="How many files are on their way side by side.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file on stdout.")
@click.option(
    "--api",
    metavar="URL",
    type=api_url,
    envvar="SLUICE_API",
    show_envvar=True,
    help="A Sluice API, such as http://127.0.0.1:8787; without it a local pipeline is started "
    "for this call.",
)
@in_surroundings
def convert(
    surroundings: Surroundings,
    files: tuple[Path, ...],
    conversion: Asked,
    out: Path,
    jobs: int,
    as_json: bool,
    api: str | None,
) -> None:
    """Upload, convert and download each FILE; one that fails does not harm the others.

    An output is called as its file, with the format's suffix. Nothing is ever overwritten: if the
    name is taken, or several files lead to the same one, it is numbered in the order given:
    a.mp3, a (1).mp3.

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
           the API did not answer
      130  interrupted by Ctrl-C (143: terminated); jobs already started on
           a deployment run on there
    """
    _make(out)
    display = display_for([click.format_filename(each) for each in files])
    deployment = nullcontext(api) if api else local_pipeline(display.note, surroundings.local)
    batch = Batch(
        files,
        conversion,
        Destination(out),
        display,
        lambda outcome: _report(outcome, display, as_json),
    )
    with display:
        code = _run(batch, deployment, jobs, surroundings.patience)
        if len(files) > 1:
            display.note(f"{batch.converted} of {len(files)} files converted.")
    sys.exit(code)


def _run(
    batch: Batch, deployment: AbstractAsyncContextManager[str], jobs: int, patience: Patience
) -> int:
    """The exit code. Ctrl-C and SIGTERM cancel the batch, which cleans up after itself."""

    async def run() -> list[Outcome]:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await batch.run(deployment, jobs, patience)

    try:
        return exit_code(asyncio.run(run()))
    except KeyboardInterrupt:  # asyncio.run cancels first, then raises this
        return INTERRUPTED
    except asyncio.CancelledError:
        return TERMINATED


def _report(outcome: Outcome, display: Display, as_json: bool) -> None:
    for warning in outcome.told_warnings:
        display.note(warning)
    if as_json:
        display.result(json.dumps(outcome.to_json()))
    elif outcome.error is None:
        display.result(str(outcome))
    else:
        display.note(str(outcome))


def _make(folder: Path) -> None:
    """The folder for the outputs, before anything is sent that could not be kept."""
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
