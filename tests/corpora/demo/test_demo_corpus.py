"""The demo corpus is rendered clip by clip; what is finished is never rendered again."""

import functools
from pathlib import Path

import pytest
import yaml

from avlib.corpora.demo import corpus
from avlib.corpora.demo.params import DemoCorpus
from stages import corpus as stage

PROJECT = Path(__file__).parents[3]
SETTINGS = DemoCorpus(subjects=2, takes=1, seconds=[1.5, 2.0], seed=0)  # 12 clips


class Renderer:
    """Stands in for rendering: notes what it renders, and is interrupted after so many clips."""

    def __init__(self, monkeypatch):
        self.rendered, self.limit = [], None

        @functools.wraps(corpus.render_clip)
        def render_clip(clip, folder, *, seed):
            if self.limit == len(self.rendered):
                raise KeyboardInterrupt
            self.rendered.append(clip.clip_id)
            path = Path(folder) / clip.path
            path.parent.mkdir(parents=True)
            path.write_text(f"{clip} {seed}")

        monkeypatch.setattr(corpus, "render_clip", render_clip)

    def run(self, name, limit=None, **changes):
        """Generate the corpus into an empty folder; return what was rendered, and the bytes."""
        self.rendered, self.limit = [], limit
        folder = Path(name)
        folder.mkdir()
        corpus.generate_corpus(SETTINGS.model_copy(update=changes), folder)
        files = (path for path in folder.rglob("*") if path.is_file())
        return self.rendered, {str(f.relative_to(folder)): f.read_bytes() for f in files}


@pytest.fixture
def renderer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVLIB_WORKERS", "0")
    return Renderer(monkeypatch)


def test_an_interrupted_run_goes_on_and_ends_with_the_bytes_of_an_undisturbed_one(renderer):
    with pytest.raises(KeyboardInterrupt):
        renderer.run("killed", limit=5)
    before = list(renderer.rendered)
    assert len(before) == 5
    rest, resumed = renderer.run("resumed")
    assert len(rest) == 7
    assert not set(rest) & set(before)
    Path(".memo").rename("forgotten")
    everything, calm = renderer.run("calm")
    assert len(everything) == 12
    assert resumed == calm
    assert {Path(name).suffix for name in calm} == {".mp4", ".csv"}


def test_what_a_clip_depends_on_renders_it_again_and_others_stay(renderer):
    renderer.run("first")
    rendered, _ = renderer.run("grown", subjects=3)
    assert len(rendered) == 6
    assert {name[:3] for name in rendered} == {"S03"}
    with (Path("grown") / "S01" / "S01_anger_1.mp4").open("a") as file:
        file.write("touched up")
    rendered, _ = renderer.run("mended", subjects=3)
    assert rendered == ["S01_anger_1"]
    rendered, _ = renderer.run("other", seed=1)
    assert len(rendered) == 12


def test_the_stage_starts_from_an_empty_folder_and_finds_its_clips_in_memory(renderer):
    values = yaml.safe_load((PROJECT / "params.yaml").read_text())
    Path("params.yaml").write_text(
        yaml.safe_dump({**values, "demo_corpus": SETTINGS.model_dump(), "corpus": "demo"})
    )
    Path("data/raw/demo").mkdir(parents=True)
    Path("data/raw/demo/old.mp4").touch()
    stage.main()
    assert len(renderer.rendered) == 12
    stage.main()
    assert len(renderer.rendered) == 12
    assert len(list(Path("data/raw/demo").rglob("*.mp4"))) == 12
    assert not Path("data/raw/demo/old.mp4").exists()
