"""`sluice` and its verbs: what people type. Each verb's help has the exit codes it gives back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from client.batch_verbs import batch, batch_cancel, batch_status
from client.doctor import doctor
from client.download import download
from client.follow import watch
from client.formats import formats
from client.inspect_job import inspect
from client.jobs import jobs
from client.moving import convert, upload
from client.outcome import INTERRUPTED
from client.pipeline import run_in_foreground
from client.smoke.verb import smoke
from client.start import start
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


main.add_command(convert)
main.add_command(upload)
main.add_command(start)
main.add_command(batch)
main.add_command(batch_status)
main.add_command(batch_cancel)
main.add_command(cancel)
main.add_command(cleanup)
main.add_command(download)
main.add_command(jobs)
main.add_command(watch)
main.add_command(inspect)
main.add_command(formats)
main.add_command(doctor)
main.add_command(smoke)


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

    \b
    Exit codes:
      0    ended by Ctrl-C, or terminated
      1    it did not start, or broke down
      2    wrong usage, or the port is taken
      130  interrupted by Ctrl-C before it had begun (143: terminated)
    """
    arguments = ["--port", str(port)]
    if data is not None:
        arguments += ["--data", str(data.absolute())]
    if progress_store is not None:
        arguments += ["--progress-store", progress_store]
    sys.exit(run_in_foreground(arguments, surroundings.local))
