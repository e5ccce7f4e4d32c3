"""A state's `Resource`, `Arguments`, results and errors, held to botocore's model of the service.

Step Functions spells members in PascalCase, whatever the service's own API does, and an action of
`aws-sdk:` in camelCase ("Learning to use AWS service SDK integrations in Step Functions").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from conversion import errors
from tests.unit.statemachine.definitions import Definition, expressions, is_expression

_RESOURCE = re.compile(
    r"arn:aws:states:::(?:aws-sdk:)?(\w+):([a-z]\w+?)(?:\.(sync|sync:2|waitForTaskToken))?"
)
_MODELS = {"states": "stepfunctions", "sfn": "stepfunctions", "eventbridge": "events"}
# JSON where the service's API has a string or bytes, in the optimised integrations' own pages.
_JSON_INSTEAD = {
    ("lambda", "Payload"): b"{}",
    ("states", "Input"): "{}",
    ("events", "Detail"): "{}",
    ("sqs", "MessageBody"): "{}",
}
# Beside the errors of the service's model: what its SDK and Step Functions make of the others.
_ERRORS_OF_ANY = {"SdkClientException", "Unknown"}
_ERRORS_OF = {
    "lambda": {"AWSLambdaException", "ClientExecutionTimeoutException"},
    "ecs": {"AmazonECSException"},
}


def called(state: dict[str, Any]) -> tuple[str, str, Any]:
    """The service, its action and botocore's model of it. Raises KeyError for what is not there."""
    found = _RESOURCE.fullmatch(state["Resource"])
    if found is None:
        raise KeyError(state["Resource"])
    service, action = found[1], found[2]
    return service, action, _operation(_MODELS.get(service, service), pascal(action))


@cache
def _operation(service: str, name: str) -> Any:
    try:
        model = botocore.session.get_session().get_service_model(service)
        return model.operation_model(name)
    except Exception as unknown:
        raise KeyError(f"{service}:{name}") from unknown


def misfits_in(definition: Definition) -> Iterator[str]:
    """What the services would not know, whatever the expressions give."""
    for name, state in definition.states.items():
        for part in (state, state.get("ItemReader", {})):
            if "Resource" in part:
                for each in _misfits(part):
                    yield f"{name}: {each}"
        for each in _misfits_of_a_writer(state.get("ResultWriter")):
            yield f"{name}: {each}"


def _misfits_of_a_writer(writer: dict[str, Any] | None) -> Iterator[str]:
    """It is called after PutObject, but takes a bucket and a prefix ("ResultWriter (Map)")."""
    if writer is None:
        return
    if writer["Resource"] != "arn:aws:states:::s3:putObject":
        yield f"ResultWriter: {writer['Resource']} writes no results"
    if set(writer.get("Arguments", {})) != {"Bucket", "Prefix"}:
        yield "ResultWriter: Arguments are a Bucket and a Prefix"


def _misfits(state: dict[str, Any]) -> Iterator[str]:
    try:
        service, _, operation = called(state)
    except KeyError as unknown:
        yield f"no service has {unknown}"
        return
    arguments = state.get("Arguments", {})
    yield from _unknown(arguments, operation.input_shape, "Arguments")
    missing = {pascal(each) for each in operation.input_shape.required_members} - set(arguments)
    yield from (f"Arguments.{each} is required" for each in sorted(missing))
    yield from _unknown_results(state, service, operation)
    yield from _unknown_errors(state, service, operation)


def _unknown(value: Any, shape: Any, where: str) -> Iterator[str]:
    """Names the model lacks, and literals that it would refuse."""
    if is_expression(value):
        return
    if shape.type_name == "structure" and isinstance(value, dict):
        members = {pascal(name): each for name, each in shape.members.items()}
        for name, each in value.items():
            if name not in members:
                yield f"{where}.{name} is unknown"
            else:
                yield from _unknown(each, members[name], f"{where}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for each in value:
            yield from _unknown(each, shape.member, f"{where}[]")
    elif shape.type_name == "map" and isinstance(value, dict):
        for name, each in value.items():
            yield from _unknown(each, shape.value, f"{where}.{name}")
    elif where.partition(".")[2] not in {name for _, name in _JSON_INSTEAD}:
        yield from _refused(value, shape, where)


_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,), "boolean": (bool,), "integer": (int,), "long": (int,), "double": (int, float),
    "float": (int, float), "blob": (str, bytes), "timestamp": (str, int),
    "structure": (), "list": (), "map": (),
}  # fmt: skip


def _refused(value: Any, shape: Any, where: str) -> Iterator[str]:
    kinds = _KINDS[shape.type_name]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        yield f"{where} is a {shape.type_name}, not {value!r}"
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{where} is one of {', '.join(shape.enum)}, not {value!r}"


def _unknown_results(state: dict[str, Any], service: str, operation: Any) -> Iterator[str]:
    """Of `$states.result.A.B`, what the action does not answer; `.sync` answers with the task."""
    shape = operation.output_shape
    if ".sync" in state["Resource"]:
        shape = _operation("ecs", "DescribeTasks").output_shape.members["tasks"].member
    for _, text in expressions({key: state.get(key) for key in ("Output", "Assign")}):
        for path in re.findall(r"\$states\.result\.([\w.]+)", text):
            if not _leads_somewhere(path.split("."), shape, service):
                yield f"$states.result.{path} is unknown"


def _leads_somewhere(names: list[str], shape: Any, service: str) -> bool:
    for name in names:
        if (service, name) in _JSON_INSTEAD or shape.type_name not in ("structure", "map"):
            return True
        if shape.type_name == "map":
            shape = shape.value
            continue
        members = {pascal(each): member for each, member in shape.members.items()}
        if name not in members:
            return False
        shape = members[name]
    return True


def _unknown_errors(state: dict[str, Any], service: str, operation: Any) -> Iterator[str]:
    """Names with a dot that are neither Step Functions' own nor the service's."""
    known = {each.name for each in operation.error_shapes}
    known |= {each if each.endswith("Exception") else f"{each}Exception" for each in known}
    known |= _ERRORS_OF_ANY | _ERRORS_OF.get(service, set())
    for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
        for name in rule["ErrorEquals"]:
            family, _, error = name.partition(".")
            if not error and name not in _ours():
                yield f"{name} is no class of conversion/errors.py, and no code"
            if error and family != "States" and (family.lower() != service or error not in known):
                yield f"{name} is no error of {service}:{operation.name}"
    for _, text in expressions(state.get("Catch", [])):
        for family, error in re.findall(r"'(\w+)\.(\w+)'", text):
            if family.lower() == service and error not in known:
                yield f"{family}.{error} is no error of {service}:{operation.name}"


@cache
def _ours() -> set[str]:
    """A function's error is called by its class; those of fail_execution are called by the code."""
    classes = {name: each for name, each in vars(errors).items() if isinstance(each, type)}
    return set(classes) | {each.code for each in classes.values() if hasattr(each, "code")}


def refused(state: dict[str, Any], arguments: dict[str, Any]) -> str:
    """What the service's model finds in arguments that were evaluated; empty where nothing is."""
    service, _, operation = called(state)
    given = {
        name: _JSON_INSTEAD.get((service, name), each) if isinstance(each, dict) else each
        for name, each in arguments.items()
    }
    asked = _in_its_own_case(given, operation.input_shape)
    report = ParamValidator().validate(asked, operation.input_shape)
    return "; ".join([report.generate_report(), *_unknown(given, operation.input_shape, "")]).strip(
        "; "
    )


def _in_its_own_case(value: Any, shape: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, dict):
        names = {pascal(name): name for name in shape.members}
        return {
            names.get(key, key): _in_its_own_case(each, shape.members[names[key]])
            if key in names
            else each
            for key, each in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_in_its_own_case(each, shape.member) for each in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _in_its_own_case(each, shape.value) for key, each in value.items()}
    return value


def pascal(name: str) -> str:
    return name[:1].upper() + name[1:]
