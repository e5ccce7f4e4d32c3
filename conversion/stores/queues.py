"""A queue that a function is fed by, as far as the function itself speaks to it.

Permissions: ChangeMessageVisibility. Leaves behind: nothing.
"""

from __future__ import annotations

from typing import Any


class Queue:
    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def put_off(self, receipt_handle: str, seconds: int) -> None:
        """Hide a message for so long, at most 12 hours from when it was received (SQS
        ChangeMessageVisibility); then it is delivered again, unless it is deleted."""
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
        )
