"""What is in the image, as CycloneDX 1.5 JSON: sbom.py PACKAGES STATUS FACTS.

Debian's packages (`STATUS` is dpkg's), the distributions under `PACKAGES`, and what nothing in the
image shows afterwards: ffmpeg's source, and the packages it was linked with statically (ffmpeg.sh
writes both down in `FACTS`). The same image has the same document: no time, no random number.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from email.parser import Parser
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]


def document(components: list[Component]) -> dict[str, Any]:
    body = json.dumps(components, sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, body)}",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "sluice-converter"}},
        "components": components,
    }


def debian(status: str) -> Iterator[Component]:
    """dpkg's status file is a row of RFC 822 headers."""
    for paragraph in status.strip().split("\n\n"):
        field = Parser().parsestr(paragraph)
        source = (field["Source"] or field["Package"]).split()[0]
        yield package(field["Package"], field["Version"], field["Architecture"], source)


def linked(lines: str) -> Iterator[Component]:
    """A line each: name, version, architecture, source package."""
    for line in lines.splitlines():
        found = package(*line.split())
        yield {**found, "properties": [{"name": "sluice:linked", "value": "statically, in ffmpeg"}]}


def package(name: str, version: str, architecture: str, source: str) -> Component:
    """A package URL of Debian's type (package-url/purl-spec, types/deb)."""
    where = f"arch={architecture}&distro=debian-12&upstream={quote(source, safe='')}"
    url = f"pkg:deb/debian/{quote(name, safe='')}@{quote(version, safe='')}?{where}"
    return {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url}


def python(folder: str) -> Iterator[Component]:
    for each in sorted(distributions(path=[folder]), key=lambda each: each.name.lower()):
        url = f"pkg:pypi/{each.name.lower()}@{each.version}"
        named = {"name": each.name, "version": each.version, "purl": url}
        yield {"type": "library", "bom-ref": url, **named}


def ffmpeg(version: str, source: str, digest: str) -> Component:
    """By its CPE the National Vulnerability Database knows it."""
    url = f"pkg:generic/ffmpeg@{version}"
    return {
        "type": "application",
        "bom-ref": url,
        "name": "ffmpeg",
        "version": version,
        "cpe": f"cpe:2.3:a:ffmpeg:ffmpeg:{version}:*:*:*:*:*:*:*",
        "purl": url,
        "licenses": [{"license": {"id": "LGPL-2.1-or-later"}}],
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "externalReferences": [{"type": "source-distribution", "url": source}],
    }


def main(packages: str, status: str, facts: str) -> None:
    components = [
        ffmpeg(*Path(facts, "source").read_text().split()),
        *linked(Path(facts, "linked").read_text()),
        *debian(Path(status).read_text()),
        *python(packages),
    ]
    json.dump(document(components), sys.stdout, indent=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
