"""Log lines as JSON, one object each, with the job id in every one of them; the execution has the
same name. docs/logs.md lists the lines and their fields.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime

from conversion.traces import VARIABLE, TraceHeader

# What every LogRecord has; anything else on a record was given by `extra=`.
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName"}


class JsonLines(logging.Formatter):
    def __init__(self, job_id: str, header: TraceHeader | None = None) -> None:
        super().__init__()
        self._about = {"jobId": job_id, **({"traceId": header.root} if header else {})}

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            **self._about,
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _PLAIN},
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def to_stdout(job_id: str) -> None:
    """CloudWatch keeps a task's standard output; locally the engine does. The level is that of our
    own lines, and told by the same variable as a function's: at DEBUG libraries would write down
    what they sign."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(job_id, TraceHeader.read(os.environ.get(VARIABLE))))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for room in ("conversion", "tasks"):
        logging.getLogger(room).setLevel(os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO"))
    # botocore tells where it found credentials, in every process anew.
    logging.getLogger("botocore").setLevel(logging.WARNING)
