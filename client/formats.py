"""`sluice formats`: what a deployment can make, of what, and how much of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click
from rich.filesize import decimal

from client.columns import show_rows
from client.deployment import Deployment, on_deployment
from client.fields import fields
from client.offers import Format, Offers
from client.service import Service
from client.surroundings import Surroundings, in_surroundings
from client.visit import DONE, lines, tell, visit

_HEADINGS = ("FORMAT", "SUFFIX", "KBIT/S", "QUALITY", "BITS", "CHANNELS", "HZ", "KEEPS", "WHAT")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, as the API has it.")
@on_deployment
@in_surroundings
def formats(surroundings: Surroundings, as_json: bool, deployment: Deployment) -> None:
    """List what can be asked for.

    That is formats and presets; what kinds of files are taken is told too, and the limits.

    \b
    Example:
      sluice formats --json | jq '.formats[].name'

    \b
    Exit codes:
      0    listed
      1    the API refused
      2    wrong usage
      3    the API did not answer
      130  interrupted by Ctrl-C (143: terminated)
    """

    async def work(service: Service) -> int:
        offers = await service.api.formats()
        if as_json:
            tell(offers.told)
        else:
            _show(offers)
        return DONE

    sys.exit(visit(deployment, surroundings.patience, work))


def _show(offers: Offers) -> None:
    show_rows(_HEADINGS, [_row(each) for each in offers.formats])
    if offers.presets:
        lines.result("")
        rows = [(each.name, fields(each.conversion)) for each in offers.presets]
        show_rows(("PRESET", "IS"), rows)
    for line in _limits(offers):
        lines.result(line)


def _row(offer: Format) -> tuple[str, ...]:
    quality = f"{offer.quality[0]:g} to {offer.quality[1]:g}" if offer.quality else ""
    return (
        offer.name,
        offer.suffix,
        "lossless" if offer.lossless else _range(offer.bitrates),
        quality,
        _all(offer.bit_depths),
        _range(offer.channels),
        _rates(offer),
        _all(offer.keeps),
        offer.title,
    )


def _rates(offer: Format) -> str:
    if offer.any_sample_rate_to:
        return f"up to {offer.any_sample_rate_to}"
    return _range(offer.sample_rates)


def _limits(offers: Offers) -> Iterator[str]:
    yield ""
    if offers.suffixes:
        yield f"Taken: files ending in {', '.join(offers.suffixes)}"
    limits = offers.limits
    if limits.upload_bytes:
        yield f"At most: {decimal(limits.upload_bytes)} a file"
    if limits.conversions:
        yield f"         {limits.conversions} conversions of it"
    if limits.retention_days:
        yield f"Kept:    {limits.retention_days} days"


def _range(numbers: Sequence[int]) -> str:
    if len(numbers) < 3:
        return _all(numbers)
    return f"{min(numbers)}-{max(numbers)}"


def _all(several: Sequence[Any]) -> str:
    return ", ".join(map(str, several))
