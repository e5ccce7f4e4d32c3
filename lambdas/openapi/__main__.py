"""`python -m lambdas.openapi [FILE]`: write the document, the same bytes for the same sources."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lambdas.openapi.document import DOCUMENT

USUAL = Path(__file__).parents[2] / "docs" / "openapi.json"


def written() -> str:
    return json.dumps(DOCUMENT, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else USUAL).write_text(written(), encoding="utf-8")
