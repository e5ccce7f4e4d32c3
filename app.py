"""The CDK app: chooses what is deployed. `cdk synth` runs it, and so does plain `python app.py`.

Nothing is looked up, in the environment or over a network, so the templates are the same on every
machine and for every account.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from aws_cdk import App

from infra import bundle
from infra.errors import InfraError
from infra.options import Options
from infra.stacks.api import ApiStack
from infra.stacks.conversion import ConversionStack
from infra.stacks.life_cycle import LifeCycleStack
from infra.stacks.storage import StorageStack

CDK_JSON = Path(__file__).with_name("cdk.json")


def new_app(outdir: str | None = None) -> App:
    """An app with the context of cdk.json, which only the CDK's command line would read by itself.
    What `-c` says wins over it."""
    context = json.loads(CDK_JSON.read_text())["context"]
    # Without the usage metadata a template is the same whichever way it was made.
    return App(context=context, outdir=outdir, analytics_reporting=False)


def build(app: App, options: Options, functions: Path) -> None:
    """Four stacks by lifetime: what holds data, what computes, what keeps the records true, what
    people call."""
    name = f"sluice-{options.stage}"
    storage = StorageStack(app, f"{name}-storage", options=options)
    conversion = ConversionStack(
        app, f"{name}-conversion", options=options, functions=functions, storage=storage
    )
    life_cycle = LifeCycleStack(
        app,
        f"{name}-life-cycle",
        options=options,
        functions=functions,
        storage=storage,
        conversion=conversion,
    )
    ApiStack(
        app,
        f"{name}-api",
        options=options,
        functions=functions,
        storage=storage,
        conversion=conversion,
        life_cycle=life_cycle,
    )


def main() -> None:
    app = new_app()
    try:
        build(app, Options.from_context(app.node.try_get_context), bundle.ensure())
    except InfraError as error:
        sys.exit(f"sluice: {error}")
    app.synth()


if __name__ == "__main__":
    main()
