"""What S3 and DynamoDB are asked and what they say, as bytes on the wire."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.plans import Fault, Kind, Request

_XML = b"<Error><Code>InternalError</Code><Message>Please try again.</Message></Error>"
_BUSY = b"<Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>"
_THROTTLED = b'{"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}'
_UNWELL = b'{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}'


@dataclass(frozen=True)
class Answer:
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def to_bytes(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {self.reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body

    def cut(self, fault: Fault) -> bytes:
        """A reset may fall anywhere. A connection that is closed instead breaks in the body: a head
        fits into one TLS record (16 KiB, RFC 8446 §5.1), which arrives whole or not at all."""
        raw = self.to_bytes()
        first = 0 if fault.reset else len(raw) - len(self.body)
        at = first + int(fault.at * (len(raw) - first))
        return raw[:at] if at < len(raw) else b""

    def changed(self, fault: Fault) -> Answer:
        if fault.kind is Kind.SHORTEN and self.status == 206:
            return self._with_body(self.body[: int(fault.at * len(self.body))])
        if fault.kind is Kind.ERROR_IN_200 and self.status == 200:
            return self._with_body(_XML)
        return self

    def _with_body(self, body: bytes) -> Answer:
        headers = [each for each in self.headers if each[0].lower() != "content-length"]
        headers.append(("Content-Length", str(len(body))))
        return Answer(self.status, self.reason, headers, body)


def s3_operation(method: str, query: dict[str, list[str]]) -> str:
    """By method and query ("Actions", Amazon S3 API reference)."""
    multipart = {
        ("POST", True): "CompleteMultipartUpload",
        ("DELETE", True): "AbortMultipartUpload",
        ("PUT", True): "UploadPart",
        ("GET", True): "ListParts",
    }
    if "uploads" in query:
        return "CreateMultipartUpload" if method == "POST" else "ListMultipartUploads"
    if "list-type" in query:
        return "ListObjectsV2"
    plain = f"{method.capitalize()}Object"
    return multipart.get((method, "uploadId" in query), plain)


def refusal(request: Request, fault: Fault) -> Answer:
    """What either service says when it is overloaded or unwell ("Error responses", S3 and
    DynamoDB developer guides)."""
    if " " in request.operation:
        status, body = (400, _THROTTLED) if fault.reset else (500, _UNWELL)
    else:
        status, body = (503, _BUSY) if fault.reset else (500, _XML)
    body = b"" if request.operation == "HeadObject" else body
    return Answer(status, "Sorry", [("Content-Length", str(len(body)))], body)
