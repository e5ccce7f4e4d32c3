"""A cloud assembly made by hand, as `cdk synth` writes one, deployed to the engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from local.child import Engine
from local.deploy import deploy
from local.errors import DeployFailed

ROLE = "arn:aws:iam::000000000000:role/any"
BUCKET = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"


class Assembly:
    """Two stacks, listed in the wrong order: `api` imports what `storage` exports."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.prefix = f"s{uuid4().hex[:8]}"
        self.artifacts: dict[str, Any] = {}
        (directory / "asset.code").mkdir()
        self.write_code("def handler(event, context): return 'first'")
        self.stack("api", api(self.prefix), after="storage", files={"code": self.code("code-1")})
        self.stack("storage", storage(self.prefix))

    def name(self, stack: str) -> str:
        return f"{self.prefix}-{stack}"

    def write_code(self, source: str) -> None:
        (self.directory / "asset.code" / "main.py").write_text(source)

    def code(self, key: str) -> dict[str, Any]:
        source = {"path": "asset.code", "packaging": "zip"}
        target = {"bucketName": BUCKET, "objectKey": f"{self.prefix}/{key}.zip"}
        return {"source": source, "destinations": {"here": target}}

    def stack(
        self,
        key: str,
        template: dict[str, Any],
        after: str | None = None,
        files: dict[str, Any] | None = None,
    ) -> None:
        name, object_key = self.name(key), f"{uuid4().hex}.json"
        self._write(f"{name}.template.json", template)
        target = {"bucketName": BUCKET, "objectKey": object_key}
        source = {"path": f"{name}.template.json", "packaging": "file"}
        own = {"template": {"source": source, "destinations": {"here": target}}}
        image = {"source": {"directory": "none"}, "destinations": {"here": {}}}
        assets = {"files": {**own, **(files or {})}, "dockerImages": {"image": image}}
        self._write(f"{name}.assets.json", assets)
        self.artifacts[f"{name}.assets"] = {
            "type": "cdk:asset-manifest",
            "properties": {"file": f"{name}.assets.json"},
        }
        self.artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "dependencies": [*([self.name(after)] if after else []), f"{name}.assets"],
            "properties": {
                "templateFile": f"{name}.template.json",
                "stackTemplateAssetObjectUrl": f"s3://{BUCKET}/{object_key}",
                "bootstrapStackVersionSsmParameter": BOOTSTRAP,
            },
        }
        self._write(
            "manifest.json", {"artifacts": {"Tree": {"type": "cdk:tree"}, **self.artifacts}}
        )

    def _write(self, name: str, content: Any) -> None:
        (self.directory / name).write_text(json.dumps(content))


def storage(prefix: str) -> dict[str, Any]:
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    }
    export = {"Value": {"Ref": "Jobs"}, "Export": {"Name": f"{prefix}-jobs"}}
    return {"Resources": {"Jobs": table}, "Outputs": {"JobsTable": export}}


def api(prefix: str, key: str = "code-1") -> dict[str, Any]:
    """With the parameter and the rule that the CDK puts into every template."""
    rule = {
        "Assertions": [
            {
                "Assert": {
                    "Fn::Not": [
                        {"Fn::Contains": [["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}
                    ]
                },
                "AssertDescription": "Run cdk bootstrap",
            }
        ]
    }
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "main.handler",
            "Role": ROLE,
            "Code": {"S3Bucket": {"Fn::Sub": BUCKET}, "S3Key": f"{prefix}/{key}.zip"},
            "Environment": {"Variables": {"TABLE": {"Fn::ImportValue": f"{prefix}-jobs"}}},
        },
    }
    ssm = "AWS::SSM::Parameter::Value<String>"
    return {
        "Parameters": {"BootstrapVersion": {"Type": ssm, "Default": BOOTSTRAP}},
        "Rules": {"CheckBootstrapVersion": rule},
        "Resources": {"Function": function},
        "Outputs": {"FunctionName": {"Value": {"Ref": "Function"}}},
    }


@pytest.fixture
def assembly(tmp_path: Path) -> Assembly:
    return Assembly(tmp_path)


def answer(engine: Engine, function: str) -> Any:
    return json.loads(engine.client("lambda").invoke(FunctionName=function)["Payload"].read())


def test_stacks_are_deployed_in_order_with_their_assets(engine: Engine, assembly: Assembly) -> None:
    deployed = deploy(engine, assembly.directory)

    assert deployed.outputs[assembly.name("storage")] == {"JobsTable": deployed.output("JobsTable")}
    assert deployed.resource("AWS::DynamoDB::Table") == deployed.output("JobsTable")
    assert answer(engine, deployed.output("FunctionName")) == "first"


def test_deploying_again_changes_nothing(engine: Engine, assembly: Assembly) -> None:
    assert deploy(engine, assembly.directory) == deploy(engine, assembly.directory)


def test_a_changed_assembly_updates_the_stack_in_place(engine: Engine, assembly: Assembly) -> None:
    first = deploy(engine, assembly.directory)
    assembly.write_code("def handler(event, context): return 'second'")
    changed = api(assembly.prefix, "code-2")
    assembly.stack("api", changed, after="storage", files={"code": assembly.code("code-2")})

    second = deploy(engine, assembly.directory)

    assert second.outputs == first.outputs
    assert answer(engine, second.output("FunctionName")) == "second"


def test_a_template_larger_than_may_be_sent_inline_is_deployed(
    engine: Engine, assembly: Assembly
) -> None:
    large = storage(assembly.prefix)
    large["Metadata"] = {"padding": "x" * 60_000}
    assembly.stack("storage", large)

    assert deploy(engine, assembly.directory).output("JobsTable")


def test_a_resource_that_fails_is_named_with_its_reason(engine: Engine, assembly: Assembly) -> None:
    nobody = {"ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:none"}
    custom = {"Type": "Custom::Nothing", "Properties": nobody}
    assembly.stack("storage", {"Resources": {"Odd": custom}})

    with pytest.raises(DeployFailed, match=r"storage is \w+: Odd \(Custom::Nothing\): .+none"):
        deploy(engine, assembly.directory)


def test_a_template_that_is_refused_says_why(engine: Engine, assembly: Assembly) -> None:
    assembly.stack("storage", {"Resources": {"X": {"Type": "AWS::Nothing::Here"}}})

    with pytest.raises(DeployFailed, match="AWS::Nothing::Here"):
        deploy(engine, assembly.directory)


def test_an_output_or_resource_that_is_not_there_is_an_error(
    engine: Engine, assembly: Assembly
) -> None:
    deployed = deploy(engine, assembly.directory)

    with pytest.raises(DeployFailed, match="0 stacks have an output BucketName"):
        deployed.output("BucketName")
    with pytest.raises(DeployFailed, match="0 resources"):
        deployed.resource("AWS::S3::Bucket")
