"""The results as a Markdown table, with the budgets and what they met."""

from __future__ import annotations

from benchmarks.budgets import Verdict, shares
from benchmarks.rounds import Row

_HEAD = (
    "| input | format | way | wall s | × file | CPU s | of it Python | memory MB | Python | ffmpeg "
    "| to disk MB | requests | read MB | written MB | same bytes |"
)
_RULE = "| ---: | --- | --- |" + " ---: |" * 11 + " --- |"


def markdown(rows: list[Row], verdicts: list[Verdict], about: dict[str, str]) -> str:
    lines = [
        "# Measured",
        "",
        *(f"- {name}: {value}" for name, value in about.items()),
        "",
        "`ours`: this converter, from S3 to S3. `file`: ffmpeg with the same arguments from a file "
        "to a file. `usual`: download, convert as `file` does, upload. `naive`: S3 into ffmpeg's "
        "standard input, its standard output into S3. Memory is the peak of Python plus the peak "
        "of ffmpeg; requests are those to S3 and DynamoDB; bytes are S3's.",
        "",
        "| budget | found | |",
        "| --- | --- | --- |",
        *(f"| {v.what} | {v.found} | {'pass' if v.passes else '**miss**'} |" for v in verdicts),
        "",
        "Paid once a job, and paid by size:",
        "",
        *(f"- {line}" for line in shares(rows)),
        "",
        _HEAD,
        _RULE,
        *map(_line, rows),
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    if not row.works:
        return f"| {row.megabytes} MB | {row.format} | {row.way} | fails |" + " |" * 10 + " no |"
    cells = [
        f"{row.megabytes} MB",
        row.format,
        row.way,
        f"{row.wall:.2f}",
        f"{row.ratio:.2f}",
        f"{row.cpu:.2f}",
        f"{row.cpu_python:.2f}",
        *(f"{each / 1e6:.0f}" for each in (row.memory, row.memory_python, row.memory_ffmpeg)),
        f"{row.disk_written / 1e6:.0f}",
        str(row.requests),
        f"{row.read / 1e6:.1f}",
        f"{row.written / 1e6:.1f}",
        "yes" if row.same else "no",
    ]
    return f"| {' | '.join(cells)} |"
