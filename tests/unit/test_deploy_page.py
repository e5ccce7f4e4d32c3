"""What docs/deploy.md says is so: its prices, its options and its commands."""

from __future__ import annotations

import json
import platform
import re
from typing import Any

import pytest

from client.verbs import main
from conversion.conversion import Conversion
from conversion.cost import estimate, spent
from infra.options import Options, rows
from tests.deploy_page import PAGE, ROOT, row, usd

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
HOUR_OF_CD = 3600 * 176_400


@pytest.mark.parametrize(
    "names", ["`mp3`", "`m4a`, `aac`", "`opus`, `webm`", "`ogg`", "`flac`", "`wav`"]
)
def test_an_hour_costs_what_the_page_says(names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, *told = row(f"{names} |")
    for name in re.findall(r"`(\w+)`", names)[:1]:
        for cell, machine in zip(told, MACHINES.values(), strict=True):
            monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
            cost = estimate("uploads/a.wav", HOUR_OF_CD, Conversion(name))
            assert cell == f"${cost.usd:.4f}"


def test_the_least_a_job_costs_is_what_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    least: list[float] = []
    for machine in MACHINES.values():
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        least.append(spent(1.0, 1, 1, 1).usd)
    arm, x86 = least
    assert f"at least ${arm:.4f} on `arm64` and ${x86:.4f} on `x86_64`" in PAGE
    assert f"A million short files are ${1e6 * arm:.0f}, or ${1e6 * x86:.0f}" in PAGE


def test_sending_an_hour_costs_what_the_page_says() -> None:
    gigabytes = 192_000 / 8 * 3600 / 1e9
    told = f"an hour of MP3 at 192 kbit/s is {1000 * gigabytes:.0f} MB, and ${0.09 * gigabytes:.4f}"
    assert told in PAGE


def test_the_smoke_costs_what_its_help_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job of it is billed the least, but two that last for a minute or two."""
    monkeypatch.setattr(platform, "machine", lambda: MACHINES["arm64"])
    formats, others, users = 13, 5, 10
    usd = (formats + others + users) * spent(1.0, 1, 1, 1).usd + spent(120.0, 2, 1, 1).usd
    assert round(100 * usd) == 3
    help_of_smoke = main.commands["smoke"].help
    assert help_of_smoke is not None
    assert "about three cents" in " ".join(help_of_smoke.split())
    assert "about three cents" in PAGE


def test_a_month_at_rest_is_the_sum_of_its_parts() -> None:
    table = PAGE.partition("| | a month |")[2].partition("\n\n")[0]
    parts = [usd(line.split("|")[2]) for line in table.splitlines()[2:]]
    (told,) = re.findall(r"a month costs about \$([\d.]+),", PAGE)
    assert sum(parts) == pytest.approx(float(told), abs=0.05)


def test_every_option_that_is_named_is_one() -> None:
    known = {each.name for each in rows()}
    typed = set(re.findall(r"-c (\w+)=", PAGE)) | set(re.findall(r"`(\w+)=\w+`", PAGE))
    assert {"stage", "removal", "auth", "egress"} <= typed
    assert typed <= known | {"name"}


def test_every_verb_that_is_named_is_one() -> None:
    typed = set(re.findall(r"(?:`|/)sluice (\w+)", PAGE))
    assert {"smoke", "doctor", "convert", "cancel"} <= typed
    assert typed <= set(main.commands)


def test_its_jobs_at_once_are_the_defaults() -> None:
    assert f"{Options().max_running_jobs} by default" in PAGE


def test_the_newest_cdk_is_named_the_same_everywhere() -> None:
    named = {
        version: path
        for path in ("docs/deploy.md", "docs/runbook.md", "docs/batch.md", "README.md", "Makefile")
        for version in re.findall(r"aws-cdk@([\d.]+)", (ROOT / path).read_text())
    }
    assert len(named) == 1, named


def test_what_it_shows_of_json_is_json() -> None:
    shown: list[Any] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(shown) == 2
    assert all(json.loads(each)["Statement"] for each in shown)


def test_who_deploys_from_ci_may_run_the_smoke() -> None:
    """What it asks of ECS, in its cluster alone, and the API."""
    asked = re.findall(r'_ask\("(\w+)"', (ROOT / "client" / "smoke" / "ecs.py").read_text())
    policy = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
    granted: dict[str, dict[str, Any]] = {}
    for each in policy["Statement"]:
        actions = each["Action"]
        granted |= dict.fromkeys([actions] if isinstance(actions, str) else actions, each)
    assert {f"ecs:{each}" for each in asked} | {"execute-api:Invoke"} <= set(granted)
    for each in asked:
        assert re.search(r"(cluster|task)/CLUSTER", json.dumps(granted[f"ecs:{each}"])), each


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", PAGE)
    assert len(links) > 5
    for path, _, anchor in (each.partition("#") for each in links):
        leads_to = ROOT / "docs" / (path or "deploy.md")
        assert leads_to.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.+)$", leads_to.read_text(), re.MULTILINE)
            assert anchor in {each.lower().replace(" ", "-") for each in headings}, anchor
