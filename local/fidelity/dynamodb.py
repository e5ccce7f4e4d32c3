"""Amazon DynamoDB: items that expire leave a record in their table's stream."""

from __future__ import annotations

import os
import threading
import time
from importlib import import_module
from typing import Any

dynamodb: Any = import_module("ministack.services.dynamodb")
responses: Any = import_module("ministack.core.responses")

# How often expired items are looked for, in seconds. AWS promises "within a few days"; the engine
# takes a minute, and a test cannot.
PERIOD_VARIABLE = "SLUICE_LOCAL_TTL_SECONDS"
# The engine's own reaper goes by this name, and so does the one that is started here.
_REAPER = "dynamodb-ttl-reaper"
_EXPIRED_BY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

_remove_item = dynamodb._remove_item
_build_change_record = dynamodb._build_change_record


def install() -> None:
    dynamodb._remove_item = remove_item
    dynamodb._build_change_record = build_change_record
    if period := float(os.environ.get(PERIOD_VARIABLE, 0)):
        threading.Thread(target=_reap, args=(period,), name=_REAPER, daemon=True).start()


def remove_item(table: dict[str, Any], *key: Any) -> Any:
    """An item that TTL deletes is a REMOVE record in the table's stream.

    AWS: "Items deleted by TTL … are removed from … and … appear in DynamoDB Streams as service
    deletions" ("Using time to live (TTL) in DynamoDB"). ministack: deletes without a record.
    """
    old = _remove_item(table, *key)
    if old is not None and threading.current_thread().name == _REAPER:
        _, _, _, region, account, *_ = table["TableArn"].split(":")
        with responses.request_scope(account, region):
            dynamodb._emit_stream_event(table["TableName"], "REMOVE", old, None)
    return old


def build_change_record(*arguments: Any) -> dict[str, Any]:
    """The record of a service deletion says so.

    AWS: userIdentity with the type Service and the principal dynamodb.amazonaws.com ("DynamoDB
    Streams and time to live"). ministack: no such member.
    """
    record = _build_change_record(*arguments)
    if threading.current_thread().name == _REAPER:
        record["userIdentity"] = _EXPIRED_BY
    return record


def _reap(period: float) -> None:
    while True:
        time.sleep(period)
        with dynamodb._lock:
            for (account, region, name), setting in list(dynamodb._ttl_settings.all_items()):
                table = dynamodb._tables.get_scoped(account, region, name)
                if table and setting.get("TimeToLiveStatus") == "ENABLED":
                    _expire(table, setting["AttributeName"])


def _expire(table: dict[str, Any], attribute: str) -> None:
    now = time.time()
    for partition, items in list(table["items"].items()):
        for sort, item in list(items.items()):
            if float(item.get(attribute, {}).get("N", "inf")) <= now:
                dynamodb._remove_item(table, partition, sort)
