"""What a deployment may choose, and what it is told when it may not."""

from __future__ import annotations

from typing import Any

import pytest

from infra.errors import OptionError
from infra.options import Architecture, Auth, Options, Removal


def test_nothing_has_to_be_chosen() -> None:
    assert Options.from_context({}.get) == Options(
        stage="dev",
        architecture=Architecture.ARM64,
        auth=Auth.IAM,
        retention_days=7,
        removal=Removal.RETAIN,
    )


def test_everything_can_be() -> None:
    context = {
        "stage": "prod-eu",
        "architecture": "x86_64",
        "auth": "none",
        "retentionDays": "30",
        "removal": "destroy",
        "defaultConversions": "mp3@128, archive-flac",
    }
    assert Options.from_context(context.get) == Options(
        "prod-eu", Architecture.X86_64, Auth.NONE, 30, Removal.DESTROY, "mp3@128, archive-flac"
    )


def test_numbers_of_cdk_json_are_taken_as_they_are() -> None:
    assert Options.from_context({"retentionDays": 14}.get).retention_days == 14


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("stage", "Prod", "lower-case"),
        ("stage", "", "-c stage=prod"),
        ("stage", "x" * 21, "up to 20"),
        ("stage", 7, "lower-case"),
        ("architecture", "arm", "arm64 or x86_64"),
        ("architecture", ["arm64"], "arm64 or x86_64"),
        ("auth", "jwt", "iam or none"),
        ("retentionDays", "0", "from 1 to 366"),
        ("retentionDays", "-1", "from 1 to 366"),
        ("retentionDays", "367", "from 1 to 366"),
        ("retentionDays", "a week", "from 1 to 366"),
        ("retentionDays", 1.5, "from 1 to 366"),
        ("removal", "keep", "retain or destroy"),
        ("defaultConversions", "", "-c defaultConversions="),
        ("defaultConversions", "mp4", "Choose one of"),
        ("defaultConversions", "mp3@9999", "320"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name_with_advice(
    name: str, value: Any, advice: str
) -> None:
    with pytest.raises(OptionError) as refused:
        Options.from_context({name: value}.get)
    assert name in str(refused.value)
    assert advice in str(refused.value)
