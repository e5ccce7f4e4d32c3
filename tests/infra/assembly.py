"""What the CDK synthesised, read so that a test can say in one line what it means.

A logical id ends with eight digits that the CDK makes up: they are dropped. An intrinsic function
becomes text, `{"Fn::GetAtt": ["Bucket83908E77", "Arn"]}` the text `${Bucket.Arn}`, and an import
from another stack becomes what that stack exports.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_GENERATED = re.compile(r"[0-9A-F]{8}$")


class Assembly:
    """The templates of all stacks, by stack name; resources by logical id over all stacks."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.templates: dict[str, Any] = {
            path.name.removesuffix(".template.json"): json.loads(path.read_text())
            for path in sorted(directory.glob("*.template.json"))
        }
        self._exports = {
            output["Export"]["Name"]: output["Value"]
            for output in self.outputs.values()
            if "Export" in output
        }

    @property
    def outputs(self) -> dict[str, Any]:
        return self._over_all("Outputs")

    @property
    def resources(self) -> dict[str, Any]:
        """Every resource, as its `Type`, `Properties` and policies of removal."""
        return {plain(name): each for name, each in self._over_all("Resources").items()}

    def of(self, kind: str) -> dict[str, Any]:
        """Properties of the resources of a type, in which intrinsics are text."""
        return {
            name: self.text(each.get("Properties", {}))
            for name, each in self.resources.items()
            if each["Type"] == kind
        }

    def the(self, kind: str) -> Any:
        """Properties of the only resource of a type."""
        (only,) = self.of(kind).values()
        return only

    def text(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.text(each) for each in value]
        if not isinstance(value, dict):
            return value
        match list(value.items()):
            case [("Ref", name)]:
                return f"${{{plain(name)}}}"
            case [("Fn::GetAtt", [name, attribute])]:
                return f"${{{plain(name)}.{attribute}}}"
            case [("Fn::ImportValue", name)]:
                return self.text(self._exports[name])
            case [("Fn::Join", [separator, parts])]:
                return separator.join(self.text(each) for each in parts)
            case [("Fn::Sub", text)]:
                return text
            case _:
                return {name: self.text(each) for name, each in value.items()}

    def _over_all(self, section: str) -> dict[str, Any]:
        return {
            name: each
            for template in self.templates.values()
            for name, each in template.get(section, {}).items()
        }


def plain(logical_id: str) -> str:
    return _GENERATED.sub("", logical_id)
