"""What `cdk deploy` does with a cloud assembly, done to the engine: nothing in it is changed.

The manifest says which stacks there are and in which order; an asset manifest beside each says
which files go to which bucket under which key. Those are uploaded, directories zipped, and each
template is created or updated from its own asset by TemplateURL (a template sent inline is limited
to 51,200 bytes). Container images are skipped: here a task is a process, see local/tasks.py.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.child import REGION, Engine
from local.errors import DeployFailed

ACCOUNT = "000000000000"
WAIT_SECONDS = 120.0
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
# The version of the bootstrap stack this stands in for: what the assembly asks for is less.
_BOOTSTRAP_VERSION = "30"
_FAILED = ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED")


@dataclass(frozen=True)
class Deployment:
    """The stacks that were deployed, their outputs, and the physical ids of their resources."""

    outputs: dict[str, dict[str, str]]
    resources: dict[str, list[str]]

    def output(self, key: str) -> str:
        """The one output of this key in any stack. Raises DeployFailed."""
        found = [outputs[key] for outputs in self.outputs.values() if key in outputs]
        if len(found) != 1:
            raise DeployFailed(f"{len(found)} stacks have an output {key}; infra/ must make one.")
        return found[0]

    def resource(self, kind: str) -> str:
        """The one resource of this CloudFormation type in any stack. Raises DeployFailed."""
        found = self.resources.get(kind, [])
        if len(found) != 1:
            raise DeployFailed(f"There are {len(found)} resources of type {kind}, not one.")
        return found[0]


def deploy(engine: Engine, assembly: Path) -> Deployment:
    """Raises DeployFailed with the reason of the first resource that was refused."""
    manifest = _read(assembly / "manifest.json")
    cloudformation = engine.client("cloudformation")
    outputs: dict[str, dict[str, str]] = {}
    resources: dict[str, list[str]] = {}
    for name, artifact in _stacks(manifest):
        _upload_assets(engine, assembly, artifact, manifest)
        _bootstrap(engine, artifact["properties"])
        stack = _apply(cloudformation, name, _template_url(engine, artifact["properties"]))
        outputs[name] = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        for each in cloudformation.describe_stack_resources(StackName=name)["StackResources"]:
            resources.setdefault(each["ResourceType"], []).append(each["PhysicalResourceId"])
    return Deployment(outputs, resources)


def _stacks(manifest: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and artifact of each stack, after all that it depends on."""
    artifacts = manifest["artifacts"]
    graph = {key: artifact.get("dependencies", []) for key, artifact in artifacts.items()}
    for key in TopologicalSorter(graph).static_order():
        if artifacts[key]["type"] == "aws:cloudformation:stack":
            yield artifacts[key]["properties"].get("stackName", key), artifacts[key]


def _upload_assets(
    engine: Engine, assembly: Path, stack: dict[str, Any], manifest: dict[str, Any]
) -> None:
    s3 = engine.client("s3")
    for key in stack.get("dependencies", []):
        artifact = manifest["artifacts"][key]
        if artifact["type"] != "cdk:asset-manifest":
            continue
        files = _read(assembly / artifact["properties"]["file"]).get("files", {})
        for asset in files.values():
            for destination in asset["destinations"].values():
                _upload(s3, assembly, asset["source"], destination)


def _upload(s3: Any, assembly: Path, source: dict[str, str], destination: dict[str, str]) -> None:
    """A key holds a digest of its content: what is there already need not be sent again."""
    bucket, key = _filled(destination["bucketName"]), _filled(destination["objectKey"])
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        s3.create_bucket(Bucket=bucket)
        path = assembly / source["path"]
        is_zip = source.get("packaging") == "zip"
        s3.put_object(Bucket=bucket, Key=key, Body=_zipped(path) if is_zip else path.read_bytes())


def _zipped(directory: Path) -> bytes:
    """As the CDK's command line zips: sorted, with fixed dates, so that content alone decides."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                name = path.relative_to(directory).as_posix()
                entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                entry.external_attr = path.stat().st_mode << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _bootstrap(engine: Engine, properties: dict[str, Any]) -> None:
    """`cdk bootstrap` leaves its version in a parameter, which every template checks by a rule."""
    if name := properties.get("bootstrapStackVersionSsmParameter"):
        engine.client("ssm").put_parameter(
            Name=name, Value=_BOOTSTRAP_VERSION, Type="String", Overwrite=True
        )


def _template_url(engine: Engine, properties: dict[str, Any]) -> str:
    return _filled(properties["stackTemplateAssetObjectUrl"]).replace("s3://", f"{engine.url}/")


def _apply(cloudformation: Any, name: str, template_url: str) -> dict[str, Any]:
    """Create the stack, or update it, or find that there is nothing to update."""
    request = {"StackName": name, "TemplateURL": template_url, "Capabilities": _CAPABILITIES}
    try:
        if _exists(cloudformation, name):
            cloudformation.update_stack(**request)
        else:
            cloudformation.create_stack(**request)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "No updates are to be performed" not in message:
            raise DeployFailed(f"The template of {name} was refused: {message}") from error
    return _settled(cloudformation, name)


def _exists(cloudformation: Any, name: str) -> bool:
    try:
        return bool(cloudformation.describe_stacks(StackName=name)["Stacks"])
    except ClientError:
        return False


def _settled(cloudformation: Any, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        status = stack["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return {**stack, "Outputs": stack.get("Outputs", [])}
        if not status.endswith("_IN_PROGRESS"):
            raise DeployFailed(f"{name} is {status}: {_reason(cloudformation, name)}")
        time.sleep(0.05)
    raise DeployFailed(f"{name} is not deployed after {WAIT_SECONDS:.0f} s.")


def _reason(cloudformation: Any, name: str) -> str:
    """What the first resource that failed said; events come newest first."""
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [each for each in events if each["ResourceStatus"] in _FAILED]
    if not failed:
        return "no resource says why"
    first = failed[-1]
    reason = first.get("ResourceStatusReason", "no reason given")
    return f"{first['LogicalResourceId']} ({first['ResourceType']}): {reason}"


def _filled(text: str) -> str:
    return text.replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())
