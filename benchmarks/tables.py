"""DynamoDB for the measured jobs: moto's server in a process of its own, which counts requests.

python -m benchmarks.tables             prints its port, then serves until it is killed
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from benchmarks.bucket import STATISTICS


class _Counting:
    """A WSGI application around moto's."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._requests = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == STATISTICS:
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps({"requests": {"DynamoDB": self._requests}}).encode()]
        with self._lock:
            self._requests += 1
        return self._application(environ, start_response)


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    application = _Counting(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
