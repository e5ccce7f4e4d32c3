"""What people call: an HTTP API, one function a concern."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.choices import ProgressStore
from infra.constructs.alarms import Alarms
from infra.constructs.authorizer import authorizers
from infra.constructs.function import Functions
from infra.constructs.http_api import JsonApi
from infra.functions import jobs, observers, uploads
from infra.functions.around import Around
from infra.options import Options
from infra.stacks.batch import BatchStack
from infra.stacks.conversion import ConversionStack
from infra.stacks.life_cycle import LifeCycleStack
from infra.stacks.storage import StorageStack

_FILE = "/v1/uploads/{fileId}"
_JOB = "/v1/jobs/{jobId}"
_BATCH = "/v1/batches/{batchId}"


class ApiStack(Stack):
    """Most routes are there in two forms: under `/v1`, and as one name for one thing, with the ids
    in the query, under `/api`. A function does not know which it was called by."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        options: Options,
        functions: Path,
        storage: StorageStack,
        conversion: ConversionStack,
        life_cycle: LifeCycleStack,
        batch: BatchStack | None = None,
    ) -> None:
        super().__init__(scope, id, description="Sluice: the HTTP API")
        made = Functions(self, code=functions, options=options)
        around = Around(options, storage, conversion, made)
        who = authorizers(options, storage.users)
        api = JsonApi(self, "Api", options=options, authorizers=who)
        _take_files(api, around)
        _convert(api, around)
        _observe(api, around)
        api.route_account(life_cycle.clean_up, "POST /v1/cleanup")
        if batch:
            api.route_account(batch.manage, "POST /v1/batches", f"GET {_BATCH}", f"DELETE {_BATCH}")
        self.api = api.api
        self.alarms = alarms = Alarms(self, "Alarms", options=options)
        alarms.api(api.api)
        if options.progress_store is ProgressStore.REDIS:
            alarms.redis()
        alarms.functions({id: each.function for id, each in made.made.items()})

        told = f"Routes are below v1/; openapi.json there describes them. auth={options.auth}"
        CfnOutput(self, "ApiUrl", value=api.url, description=told)
        CfnOutput(
            self,
            "ConvertFile",
            value=f"sluice convert talk.wav --to mp3 --api {api.url}",
            description="The first conversion; `sluice convert --help` has the others",
        )
        CfnOutput(
            self,
            "SmokeTest",
            value=f"sluice smoke --api {api.url} --cluster {conversion.cluster.cluster_arn}",
            description="Tries all that is promised, in some five minutes; docs/deploy.md",
        )


def _take_files(api: JsonApi, around: Around) -> None:
    api.route(uploads.create_upload(around), "POST /v1/uploads", "POST /api/upload-audio")
    api.route(
        uploads.receive_upload(around),
        f"GET {_FILE}",
        "GET /api/upload-progress",
        f"DELETE {_FILE}",
        f"GET {_FILE}/parts",
        f"POST {_FILE}/parts",
        f"PUT {_FILE}/parts/{{partNumber}}",
        f"POST {_FILE}/complete",
    )


def _convert(api: JsonApi, around: Around) -> None:
    api.route(jobs.create_job(around), "POST /v1/jobs", "POST /api/convert-audio")
    api.route(jobs.get_job(around), "GET /v1/jobs", f"GET {_JOB}", "GET /api/jobs/{jobId}")
    api.route(jobs.cancel_job(around), f"DELETE {_JOB}")
    made = ("output", "waveform.json", "waveform.png")
    output = (f"GET {_JOB}/{each}" for each in made)
    api.route(jobs.get_output(around), *output, "GET /api/download")


def _observe(api: JsonApi, around: Around) -> None:
    progress = jobs.get_progress(around)
    api.route(progress, f"GET {_JOB}/progress", "GET /v1/progress", "GET /api/progress")
    api.route(observers.get_history(around), f"GET {_JOB}/history")
    health = observers.check_health(around, progress)
    api.route(health, "GET /v1/health", "GET /api/health")
    describe = observers.describe_api(around)
    api.route(describe, "GET /v1/formats", "GET /v1/openapi.json")
    api.route_the_rest(describe)
