"""The views of a modality: which descriptors `registry.views` makes, at which level."""

from pathlib import Path

import pytest
import yaml

from avlib import registry
from avlib.runtime.errors import ParamsError

PARAMS = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())


def views(modality, **changes):
    made = registry.views(modality, PARAMS[modality] | changes)
    return {view: (found.name, found.level) for view, found in made.items()}


def test_a_view_without_a_level_has_its_own_and_not_that_of_the_section():
    beside_a_table = views("video", descriptor="table", level="clip", views=["geometry"])
    assert beside_a_table == {
        "table_clip": ("table", "clip"),
        "geometry_frames": ("geometry", "frames"),
    }
    table = views("video", descriptor="geometry", level="frames", views=["table", "table.clip"])
    assert list(table) == ["geometry_frames", "table_frames", "table_clip"]
    sound = views("audio", descriptor="is10", level="clip", views=["log_mel", "egemaps"])
    assert list(sound) == ["is10_clip", "log_mel_frames", "egemaps_frames"]


def test_views_at_levels_of_their_own_come_after_the_modalitys_own():
    made = views("audio", descriptor="is10", level="frames", views=["egemaps.windows", "is10.clip"])
    assert list(made) == ["is10_frames", "egemaps_windows", "is10_clip"]
    assert made["egemaps_windows"] == ("egemaps", "windows")


@pytest.mark.parametrize(
    ("modality", "view", "said"),
    [
        ("audio", "mfcc.clip", r"^audio\.views has 'mfcc\.clip'; expected one of egemaps, "),
        ("audio", "log_mel.clip", r"^audio\.views: log_mel\.clip: log_mel describes frames; write"),
        ("video", "geometry.clip", r"^video\.views: geometry\.clip: .* write geometry\.frames$"),
        ("audio", "is10", r"^audio\.views: is10 is named twice"),
        ("audio", "is10.frames", r"^audio\.views: is10\.frames is named twice"),
    ],
)
def test_an_impossible_view_is_named_and_not_the_descriptor_beside_it(modality, view, said):
    with pytest.raises(ParamsError, match=said):
        views(modality, views=[view])
