"""What the fault campaigns have counted, told at the end of the run."""

from __future__ import annotations

from _pytest.terminal import TerminalReporter

from tests.faults import counts


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Here and not in tests/faults: with several processes only this folder's file is read by the
    one that prints."""
    if lines := counts.lines(terminalreporter.stats):
        terminalreporter.section("fault campaigns")
        for line in lines:
            terminalreporter.write_line(line)
