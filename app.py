"""The CDK app: chooses what is deployed. `cdk synth` runs it, and so does plain `python app.py`.

Nothing is looked up, in the environment or over a network, so the templates are the same on every
machine and for every account.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import App

from infra import bundle, nag
from infra.choices import Web
from infra.constructs import logs
from infra.errors import InfraError
from infra.options import Options, names_nobody_reads
from infra.stacks.api import ApiStack
from infra.stacks.batch import BatchStack
from infra.stacks.conversion import ConversionStack
from infra.stacks.dashboard import DashboardStack
from infra.stacks.life_cycle import LifeCycleStack
from infra.stacks.storage import StorageStack
from infra.stacks.web import WebStack

CDK_JSON = Path(__file__).with_name("cdk.json")


def new_app(outdir: str | None = None) -> App:
    """An app with the context of cdk.json, which only the CDK's command line would read by itself.
    What `-c` says wins over it."""
    context = json.loads(CDK_JSON.read_text())["context"]
    # Without the usage metadata a template is the same whichever way it was made.
    return App(context=context, outdir=outdir, analytics_reporting=False)


def build(app: App, options: Options, functions: Path) -> None:
    """Stacks by lifetime: what holds data, what computes, what keeps the records true, what people
    call, what operators see, and what stands in front of that."""
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
    batch = _batch(app, options, functions, storage, conversion)
    api = ApiStack(
        app,
        f"{name}-api",
        options=options,
        functions=functions,
        storage=storage,
        conversion=conversion,
        life_cycle=life_cycle,
        batch=batch,
    )
    DashboardStack(
        app,
        f"{name}-dashboard",
        options=options,
        conversion=conversion,
        life_cycle=life_cycle,
        api=api,
        alarms=[
            *conversion.alarms.arns,
            *(batch.alarms.arns if batch else ()),
            *life_cycle.alarms.arns,
            *api.alarms.arns,
        ],
    )
    if options.web is Web.CLOUDFRONT:
        WebStack(app, f"{name}-web", options=options, api=api)
    logs.keep(app, options.log_retention_days)


def _batch(
    app: App,
    options: Options,
    functions: Path,
    storage: StorageStack,
    conversion: ConversionStack,
) -> BatchStack | None:
    """None where no bucket was given to convert files of."""
    if not options.batch_sources:
        return None
    name = f"sluice-{options.stage}-batch"
    return BatchStack(
        app, name, options=options, functions=functions, storage=storage, conversion=conversion
    )


def main(arguments: Sequence[str] = ()) -> None:
    if arguments:
        sys.exit(
            f"sluice: app.py takes no {arguments[0]}. Options are given to the CDK, which hands "
            "them on: npx aws-cdk synth -c name=value; or write them into cdk.json's context."
        )
    app = new_app()
    try:
        for name in names_nobody_reads(app.node.get_all_context()):
            sys.stderr.write(f"sluice: nothing reads {name}, which is no option of ours.\n")
        options = Options.from_context(app.node.try_get_context)
        build(app, options, bundle.ensure(options.architecture))
    except InfraError as error:
        sys.exit(f"sluice: {error}")
    nag.hold(app)
    app.synth()


if __name__ == "__main__":
    main(sys.argv[1:])
