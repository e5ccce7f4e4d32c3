"""The trace header: what of it is ours to read, and that nothing of it can do harm."""

from __future__ import annotations

import pytest

from conversion.traces import TraceHeader

ROOT, PARENT = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
HEADER = f"Root={ROOT};Parent={PARENT};Sampled=1"


def test_it_reads_what_it_writes() -> None:
    read = TraceHeader.read(HEADER)
    assert read == TraceHeader(ROOT, PARENT, is_sampled=True)
    assert str(read) == HEADER


@pytest.mark.parametrize(
    "text",
    [f"{HEADER};Lineage=a87bd80c:1|68fd508a:5", f"Self=1-67891234; {HEADER.replace(';', '; ')}"],
    ids=["Lambda's", "a load balancer's"],
)
def test_what_others_add_to_it_is_left_out(text: str) -> None:
    assert str(TraceHeader.read(text)) == HEADER


@pytest.mark.parametrize("sampled", ["Sampled=0", "Sampled=?", ""])
def test_only_what_is_surely_sampled_is(sampled: str) -> None:
    read = TraceHeader.read(f"Root={ROOT};Parent={PARENT};{sampled}")
    assert read is not None
    assert not read.is_sampled


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "Sampled=1",
        f"Root={ROOT};Sampled=1",
        f"Root={ROOT}x;Parent={PARENT}",
        f"Root={ROOT};Parent={PARENT[:-1]}\n;Sampled=1",
        "=;=;;",
    ],
)
def test_what_cannot_be_read_is_none(text: str | None) -> None:
    assert TraceHeader.read(text) is None
