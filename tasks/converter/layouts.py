"""Which loudspeakers a sound is for, and which layout it gets where its own has no name.

Left alone, ffmpeg fails there (libopus with 5.1(side), which is what Dolby Digital decodes to),
calls a subwoofer a right channel (libvorbis with 2.1), or writes what few players read (AAC with
either). Tried on 5.1, 6.0 and 9.0.
"""

from __future__ import annotations

# By ffmpeg's names (`ffmpeg -layouts`). The one pair behind the listener is Ls and Rs, whether it
# calls it side or back; Lb and Rb are a second one, Lc and Rc between left, right and centre.
_SPEAKERS: dict[str, frozenset[str]] = {
    name: frozenset(speakers.split())
    for names, speakers in {
        "mono": "C",
        "stereo downmix": "L R",
        "2.1": "L R LFE",
        "3.0": "L R C",
        "3.0(back)": "L R Cb",
        "3.1": "L R C LFE",
        "4.0": "L R C Cb",
        "quad quad(side)": "L R Ls Rs",
        "4.1": "L R C LFE Cb",
        "5.0 5.0(side)": "L R C Ls Rs",
        "5.1 5.1(side)": "L R C LFE Ls Rs",
        "6.0 hexagonal": "L R C Cb Ls Rs",
        "6.0(front)": "L R Lc Rc Ls Rs",
        "6.1 6.1(back)": "L R C LFE Cb Ls Rs",
        "6.1(front)": "L R LFE Lc Rc Ls Rs",
        "7.0": "L R C Ls Rs Lb Rb",
        "7.0(front)": "L R C Lc Rc Ls Rs",
        "7.1": "L R C LFE Ls Rs Lb Rb",
        "7.1(wide) 7.1(wide-side)": "L R C LFE Lc Rc Ls Rs",
        "octagonal": "L R C Cb Ls Rs Lb Rb",
    }.items()
    for name in names.split()
}
# What ffmpeg takes so many channels for when the input does not say
# (libavutil's av_channel_layout_default).
_GUESSES = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1")


def channels_of(layout: str) -> int:
    return len(_SPEAKERS[layout])


def layout_for(layout: str, channels: int, choices: tuple[str, ...]) -> str:
    """The one of `choices` in which the fewest speakers are lost, and then the fewest silent."""
    if layout in choices:
        return layout
    speakers = _SPEAKERS.get(layout) or _SPEAKERS[_GUESSES[channels - 1]]
    return min(
        choices, key=lambda each: (len(speakers - _SPEAKERS[each]), len(_SPEAKERS[each] - speakers))
    )
