"""AWS that takes a request and never answers: only a timeout can tell."""

from __future__ import annotations

import signal

import pytest
from botocore.config import Config

from conversion.job import Status
from conversion.stores import clients
from tests.converter.sounds import Sounds
from tests.converter.world import World
from tests.faults.conftest import Through
from tests.faults.plans import Certain, Fault, Kind, Outage, Request
from tests.faults.proxy import Proxy

_PARTS = 64 * 1024
_SILENCE = Fault(Kind.HANG)
_SOON = clients.PATIENT.merge(Config(read_timeout=1))


def _nothing_else(_: Request) -> Fault | None:
    return None


@pytest.mark.parametrize(
    ("operation", "ordinal"),
    [
        ("GetObject", 2),
        ("UploadPart", 2),
        *(
            pytest.param(*each, marks=pytest.mark.long)
            for each in [
                ("CreateMultipartUpload", 1),
                ("CompleteMultipartUpload", 1),
                ("HeadObject", 1),
                ("UpdateItem jobs", 1),
                ("UpdateItem jobs", 2),
                ("UpdateItem progress", 1),
                ("UpdateItem progress", 2),
            ]
        ),
    ],
)
def test_a_request_without_an_answer_is_made_again(
    world: World,
    sounds: Sounds,
    endpoint: str,
    through: Through,
    operation: str,
    ordinal: int,
) -> None:
    data = sounds.bytes("wav")
    whole = world.output(world.convert(data, "flac"))
    job = world.job(data, "flac")

    with Proxy(endpoint, Certain(operation, ordinal, _SILENCE, _nothing_else)) as proxy:
        done = world.run(job, **through(proxy, _SOON), first_part_bytes=_PARTS)

    assert world.output(done) == whole
    assert world.open_uploads() == []
    assert len(proxy.spoilt) == 1


@pytest.mark.long
@pytest.mark.parametrize("operation", ["GetObject", "UploadPart"])
def test_a_converter_told_to_stop_does_not_wait_for_an_answer(
    world: World,
    sounds: Sounds,
    endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
) -> None:
    """Within the time that ECS gives it, with everything taken back."""
    job = world.job(sounds.long_wav(180).read_bytes(), "wav")
    with Proxy(endpoint, Outage(operation, 3, _SILENCE)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        process = world.start(job)
        proxy.wait_for_fault(60)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=100)

    assert process.returncode == 75
    assert world.open_uploads() == []
    assert world.keys() == []
    assert world.around.jobs.get(job.job_id).status is Status.PROCESSING
