"""docs/options.md, written from the options themselves: `python -m infra.options_page [PATH]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from conversion.cost import TaskSize
from infra.choices import Egress
from infra.egress import (
    ADDRESS_HOUR,
    BETWEEN_ZONES_GB,
    ENDPOINT_GB,
    NAT_GB,
    SERVICES,
    ZONES,
    at_rest_usd,
)
from infra.fargate import GIB, SIZES
from infra.options import Row, rows

PAGE = Path(__file__).parents[1] / "docs" / "options.md"

_HEAD = """\
<!-- Written by `make options` from infra/options.py: change it there. -->
# Options

Given as `-c name=value` to `cdk deploy` and `cdk synth`, or in the context of `cdk.json`, where a
list may be a list. A value that cannot be is refused with what could be, and so are two that do not
go together, and a name that is almost an option's. `make deploy` takes what `cdk.json` says.
"""
_SIZES = """\
## Sizes of a task

What Fargate has ("Amazon ECS task definition parameters for Fargate", task size). The longer an
output may be, the larger are the parts it is sent in, some of which are in memory: a
`maxOutputBytes` that takes more than 85 % of `taskMemory`, above which an alarm fires, is refused.
An hour's price is for the least memory, a disk of 30 GiB and a public address, on demand, in
us-east-1 ("AWS Fargate pricing" and "Amazon VPC pricing"); Spot costs up to 70 % less. A task is
billed for a minute at least.

| `taskCpu` | `taskMemory` | an hour on arm64 | on x86_64 |
| --- | --- | --- | --- |
"""
_EGRESS = f"""\
## Ways out of the network

Nothing reaches a task from outside, whichever is chosen. S3 and DynamoDB are reached by gateway
endpoints, which are free. Prices are us-east-1's ("Amazon VPC pricing", "AWS PrivateLink pricing"
and, between zones, "Amazon EC2 On-Demand Pricing"), without tax, for months of 730 hours.

| `egress` | at rest | besides | a task is |
| --- | --- | --- | --- |
| `public` | {{public}} | ${ADDRESS_HOUR} an hour of conversion, for its address (IPv4) \
| in a public subnet, with an address of its own |
| `nat` | {{nat}} a month: a gateway and its address | ${NAT_GB} a GB that goes through, and \
${BETWEEN_ZONES_GB} a GB and direction to and from the zone without the gateway \
| in a private subnet, behind a NAT gateway: one for both zones, so that no task starts while the \
gateway's zone fails |
| `endpoints` | {{endpoints}} a month: {len(SERVICES)} services in {ZONES} zones \
| ${ENDPOINT_GB} a GB that goes through | in a private subnet without a way to the internet, with \
interface endpoints for {", ".join(f"`{each}`" for each in SERVICES)} |

Through a NAT or endpoints go logs, traces and what ECR says of an image; its layers come from S3.

To go from one to another, deploy: the subnets stay, with their addresses, and S3 and DynamoDB are
reached all the while. But an execution keeps what it was told of the network when it began. One
that began with `nat` or `endpoints` cannot start another task in a public subnet, where it would
have no address: before going back to `public`, let the jobs that run end.
"""


def page() -> str:
    costs = {str(each): _rounded(at_rest_usd(each)) for each in Egress}
    return "\n".join(
        [
            _HEAD,
            "| option | default | what it may be | what it chooses |",
            "| --- | --- | --- | --- |",
            *(_written(row) for row in rows()),
            "",
            _SIZES + "\n".join(_sizes()) + "\n",
            _EGRESS.format_map(costs),
        ]
    )


def _written(row: Row) -> str:
    return f"| `{row.name}` | {_default(row)} | {row.values.allowed} | {row.chooses} |"


def _default(row: Row) -> str:
    if row.name.endswith("Bytes"):
        return f"{row.default // GIB} GiB"
    value = ",".join(row.default) if isinstance(row.default, tuple) else str(row.default)
    return f"`{value}`" if value else "none"


def _sizes() -> Iterator[str]:
    for cpu, memories in SIZES.items():
        size = TaskSize(vcpu=cpu / 1024, gb=memories[0] / 1024)
        arm, x86 = (f"${3600 * size.second_usd_on(each):.4f}" for each in ("arm64", "x86_64"))
        yield f"| `{cpu}` | {_range(memories)} | {arm} | {x86} |"


def _range(memories: tuple[int, ...]) -> str:
    if len(memories) <= 4:
        return ", ".join(map(str, memories))
    return f"{memories[0]} to {memories[-1]}, in steps of {memories[1] - memories[0]}"


def _rounded(usd: float) -> str:
    return f"${usd:.1f}" if usd else "nothing"


def main(arguments: list[str]) -> None:
    path = Path(arguments[0]) if arguments else PAGE
    path.write_text(page())


if __name__ == "__main__":
    main(sys.argv[1:])
