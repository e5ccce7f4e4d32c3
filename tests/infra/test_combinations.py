"""Every combination of options is held to AWS Solutions' rules and to cfn-lint, has the roles that
it should and no others, and is deployed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from local.child import Engine
from local.deploy import deploy
from tests.infra import combinations, linted
from tests.infra.combinations import AUTHS, EGRESSES, OTHERS, STORES, WEBS, Context
from tests.infra.conftest import synthesise
from tests.infra.grants import all_granted, limits, of_others, trusted
from tests.infra.roles_by_option import expected, limited, taken_by

HANDFUL = combinations.handful()
# Each takes a synthesis, cfn-lint and a deployment: in every run those with a way out of
# the network that is not the default's. Of tokens are `token_assembly` and `users_assembly`.
USUAL = HANDFUL[:2]
TAIL = [pytest.param(each, marks=pytest.mark.long) for each in HANDFUL if each not in USUAL]
REST = [each for each in combinations.all_combinations() if each not in HANDFUL]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Nothing is converted here, so that no cache need answer where one is said to be."""
    with Engine(environment={"SLUICE_LOCAL_REDIS": "127.0.0.1:6379"}) as engine:
        yield engine


@pytest.mark.parametrize("context", [*USUAL, *TAIL], ids=combinations.name)
def test_a_combination_is_clean_and_is_deployed(
    context: Context, functions: Path, tmp_path: Path, engine: Engine
) -> None:
    is_clean_and_is_deployed(context, functions, tmp_path, engine)


@pytest.mark.long
@pytest.mark.parametrize("context", REST, ids=combinations.name)
def test_every_other_combination_too(
    context: Context, functions: Path, tmp_path: Path, engine: Engine
) -> None:
    is_clean_and_is_deployed(context, functions, tmp_path, engine)


def is_clean_and_is_deployed(
    context: Context, functions: Path, directory: Path, engine: Engine
) -> None:
    """The synthesis applies the rules, the CDK's own and cdk-nag's: it fails with what they find.
    So does a deployment with the resource that was refused."""
    made = synthesise(functions, directory / "cdk.out", context, nagged=True)
    assert not linted.findings(made.directory)
    assert all_granted(made) == expected(context)
    assert limits(made) == limited(context)
    assert trusted(made) == {role: taken_by(role) for role in expected(context)}
    assert of_others(made) == []
    deployed = deploy(engine, made.directory)
    assert deployed.outputs.keys() == made.templates.keys()
    assert deployed.output("ApiUrl")


def test_each_pair_of_a_structural_choice_and_another_is_among_them() -> None:
    tried = combinations.all_combinations()
    for structures, others in product((STORES, AUTHS, EGRESSES, WEBS), OTHERS):
        for structure, other in product(structures, others):
            assert any(
                chooses(each, structure, structures) and chooses(each, other, others)
                for each in tried
            ), (structure, other)


def test_the_handful_has_each_choice() -> None:
    for choices in (STORES, AUTHS, EGRESSES, WEBS, *OTHERS):
        for choice in choices:
            assert any(chooses(each, choice, choices) for each in HANDFUL), choice


def chooses(context: Context, choice: Context, choices: list[Context]) -> bool:
    named = {name for each in choices for name in each}
    return {name: value for name, value in context.items() if name in named} == choice
