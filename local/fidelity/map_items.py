"""Step Functions: where a Distributed Map has its items from, how they are grouped, and where the
results go."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

s3: Any = import_module("ministack.services.s3")
stepfunctions: Any = import_module("ministack.services.stepfunctions")

_LARGEST_INPUT = 256 * 1024


def read(reader: dict[str, Any]) -> list[Any]:
    """AWS: a listing's ETag is quoted, and LastModified seconds; InputType MANIFEST reads the CSV
    files of an S3 Inventory by the columns that its manifest names ("ItemReader (Map)").
    ministack: knows the others, but no manifest."""
    given, config = reader["Arguments"], reader.get("ReaderConfig") or {}
    if config.get("InputType") == "MANIFEST":
        rows = list(_inventory(given["Bucket"], given["Key"]))
        return rows[: config["MaxItems"]] if config.get("MaxItems") else rows
    # With its expressions filled in, a JSONata reader is one of JSONPath without any.
    return stepfunctions._read_map_items({**reader, "Parameters": given}, {}, None)


def _inventory(bucket: str, key: str) -> Iterator[dict[str, str]]:
    manifest = json.loads(_bytes_of(bucket, key))
    columns = [each.strip() for each in manifest["fileSchema"].split(",")]
    within = manifest["destinationBucket"].rpartition(":")[2]
    for each in manifest["files"]:
        text = gzip.decompress(_bytes_of(within, each["key"])).decode()
        for row in csv.reader(io.StringIO(text)):
            yield dict(zip(columns, row, strict=False))


def _bytes_of(bucket: str, key: str) -> bytes:
    status, _, body = s3._get_object(bucket, key, {}, {})
    if status != 200:
        raise stepfunctions._ExecutionError(
            "States.ItemReaderFailed", f"There is no object {key} in bucket {bucket}."
        )
    return bytes(body)


def batches(rows: list[Any], batcher: dict[str, Any] | None) -> list[tuple[Any, int]]:
    """What each child is given, and how many items that is.

    AWS: `{BatchInput, Items}` with as many items as either limit allows ("ItemBatcher (Map)").
    ministack: one item a child.
    """
    if not batcher:
        return [(row, 1) for row in rows]
    beside = {"BatchInput": batcher["BatchInput"]} if "BatchInput" in batcher else {}
    most = int(batcher.get("MaxItemsPerBatch") or len(rows) or 1)
    around = len(json.dumps({**beside, "Items": []}))
    room = int(batcher.get("MaxInputBytesPerBatch") or _LARGEST_INPUT) - around
    return [({**beside, "Items": each}, len(each)) for each in _grouped(rows, most, room)]


def _grouped(rows: list[Any], most: int, room: int) -> Iterator[list[Any]]:
    group: list[Any] = []
    length = 0
    for row in rows:
        size = len(json.dumps(row)) + 2
        if group and (len(group) == most or length + size > room):
            yield group
            group, length = [], 0
        group.append(row)
        length += size
    if group:
        yield group


def write(writer: dict[str, Any] | None, run: dict[str, Any], children: list[Any]) -> Any:
    """The Map state's result.

    AWS: without a writer the children's outputs; with one, files by status beside a manifest in the
    bucket, below the prefix and the Map Run's id, COMPACT holding the outputs alone and JSONL a
    line each, while failed children are described whole ("ResultWriter (Map)"). ministack: the
    outputs only.
    """
    if not writer or "Resource" not in writer:
        return [json.loads(each["output"]) for each in children if each["output"]]
    given, config = writer["Arguments"], writer.get("WriterConfig") or {}
    below = f"{given['Prefix'].rstrip('/')}/{run['mapRunArn'].rpartition(':')[2]}"
    files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    for status in ("FAILED", "SUCCEEDED"):
        told = [_told(each, config) for each in children if each["status"] == status]
        if told:
            lines = config.get("OutputType") == "JSONL"
            key = f"{below}/{status}_0.{'jsonl' if lines else 'json'}"
            body = "\n".join(map(json.dumps, told)) if lines else json.dumps(told)
            files[status].append({"Key": key, "Size": _put(given["Bucket"], key, body)})
    manifest = {"DestinationBucket": given["Bucket"], "MapRunArn": run["mapRunArn"]}
    key = f"{below}/manifest.json"
    _put(given["Bucket"], key, json.dumps({**manifest, "ResultFiles": files}))
    details = {"Bucket": given["Bucket"], "Key": key}
    return {"MapRunArn": run["mapRunArn"], "ResultWriterDetails": details}


def _told(child: dict[str, Any], config: dict[str, Any]) -> Any:
    if child["status"] == "SUCCEEDED" and config.get("Transformation") in ("COMPACT", "FLATTEN"):
        return json.loads(child["output"])
    names = ("executionArn", "input", "name", "output", "startDate", "status", "stopDate")
    more = {"Error": child["error"], "Cause": child["cause"]} if child.get("error") else {}
    return {f"{name[0].upper()}{name[1:]}": child[name] for name in names} | more


def _put(bucket: str, key: str, body: str) -> int:
    data = body.encode()
    status = s3._put_object(bucket, key, data, {})[0]
    if status != 200:
        raise stepfunctions._ExecutionError(
            "States.ResultWriterFailed", f"The results cannot be written to {bucket}: {status}."
        )
    return len(data)
