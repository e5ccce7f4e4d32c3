"""The one logger: JSON lines that carry the function, the request and the job they are about.

Ids, codes, formats, sizes and times are logged. File names are not (they are people's own words),
and URLs are not (a presigned one is a key to the object).
"""

from __future__ import annotations

import logging

from aws_lambda_powertools import Logger

logger = Logger(service="sluice", utc=True, use_rfc3339=True)

# The domain logs by the standard library; its lines belong among these.
_domain = logging.getLogger("conversion")
_domain.setLevel(logging.INFO)
_domain.addHandler(logger.registered_handler)
_domain.propagate = False
