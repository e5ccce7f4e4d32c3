"""`python -m lambdas.openapi [FILE]`: write the document, the same bytes for the same sources."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from lambdas.openapi.document import DOCUMENT

USUAL = Path(__file__).parents[2] / "docs" / "openapi.json"


def main(arguments: list[str]) -> int:
    _options(arguments).file.write_text(written(), encoding="utf-8")
    return 0


def written() -> str:
    return json.dumps(DOCUMENT, indent=2, ensure_ascii=False) + "\n"


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lambdas.openapi", description=__doc__)
    parser.add_argument(
        "file", type=Path, nargs="?", default=USUAL, help="docs/openapi.json unless named"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
