"""The app as a person starts it: what it says of options before anything is built."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Told = Callable[[dict[str, str]], str]


@pytest.fixture
def told_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """What `cdk synth` ends with, given this in the context of cdk.json."""
    import app

    def told(context: dict[str, str]) -> str:
        (tmp_path / "cdk.json").write_text(json.dumps({"context": context}))
        monkeypatch.setattr(app, "CDK_JSON", tmp_path / "cdk.json")
        with pytest.raises(SystemExit) as ended:
            app.main()
        return str(ended.value)

    return told


def test_a_mistyped_option_ends_it(told_by: Told) -> None:
    """Else it would be passed over, and files gone after the week that nobody has asked for."""
    told = told_by({"retentiondays": "90"})
    assert told == (
        "sluice: retentiondays is no option: write retentionDays. docs/options.md has them all."
    )


def test_an_option_that_cannot_be_ends_it_with_what_can(told_by: Told) -> None:
    told = told_by({"egress": "none"})
    assert told == (
        "sluice: egress='none' is not known: use public or nat or endpoints, like -c egress=public."
    )


def test_a_name_that_nothing_reads_is_told_and_what_the_cdk_keeps_is_not(
    told_by: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    context = {
        "department": "sound",
        "aws:cdk:enable-path-metadata": "true",
        "availability-zones:account=123456789012:region=eu-west-1": "a,b",
        "stage": "Not a stage",
    }
    told_by(context)
    assert capsys.readouterr().err == (
        "sluice: nothing reads department, which is no option of ours.\n"
    )


def test_options_are_not_for_the_app_itself_which_says_where_they_go() -> None:
    """It would build the stage `dev` for who has asked for another."""
    import app

    with pytest.raises(SystemExit, match=r"takes no -c\. .*cdk\.json"):
        app.main(["-c", "stage=prod"])
