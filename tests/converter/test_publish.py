"""What goes wrong between the last byte written and the record of it."""

from __future__ import annotations

from typing import Any

import pytest

from conversion.conversion import Conversion, Waveform
from conversion.errors import StorageUnavailable
from conversion.stores.objects import Head, Objects
from tests.converter.sounds import Sounds
from tests.converter.world import World


@pytest.mark.parametrize("by", [None, b"something else"])
def test_an_output_that_is_gone_or_another_before_it_is_read_back_is_not_the_source(
    world: World, sounds: Sounds, by: bytes | None
) -> None:
    class Meddled(Objects):
        def head(self, key: str) -> Head:
            found = super().head(key)
            if by is None:
                self.delete(key)
            else:
                self.put(key, by, "audio/mpeg")
            return found

    job = world.convert(sounds.bytes("wav"), "mp3", objects=_stores(world, Meddled))

    assert job.failure is not None
    assert job.failure.code == "OUTPUT_BROKEN"
    assert world.keys() == []


def test_a_picture_whose_put_was_carried_out_but_not_answered_does_not_stay(
    world: World, sounds: Sounds
) -> None:
    put = list[str]()

    class Deaf(Objects):
        def put(self, key: str, body: bytes | bytearray, media_type: str) -> str:
            etag = super().put(key, body, media_type)
            put.append(key)
            if media_type == "image/png":
                raise StorageUnavailable("no answer")
            return etag

    with pytest.raises(StorageUnavailable):
        world.convert(
            sounds.bytes("wav"),
            Conversion("mp3", waveform=Waveform()),
            objects=_stores(world, Deaf),
        )

    assert put[-1].endswith("png")
    assert world.keys() == []


def _stores(world: World, kind: type[Objects]) -> Any:
    return lambda bucket: kind(world.s3, bucket)
