"""The model in the box, and folders of several models as parts of one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from kept_models import RATE, buzz, write_sound
from PIL import Image
from scipy.special import softmax

from avlib import Recognizer
from avlib.corpora import fer2013
from avlib.media import write_clip
from avlib.recognizer import kept
from avlib.recognizer.archive import unpack
from avlib.recognizer.box import BOX
from avlib.recognizer.expression_model import ExpressionModel, MeanExpression
from avlib.runtime.errors import DataError
from avlib.systems.common.pieces import Piece


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory):
    """The box as a folder; tests must leave it as it is."""
    folder = tmp_path_factory.mktemp("box")
    unpack(BOX, folder)
    return folder


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A recording that is seen and heard, one that is heard, and one that is neither."""
    folder = tmp_path_factory.mktemp("recordings")
    portrait = Image.fromarray(skimage.data.astronaut()).crop((117, 0, 337, 220))
    ground = np.full((240, 320, 3), 120, np.uint8)
    shown = ground.copy()
    shown[10:230, 50:270] = np.asarray(portrait)
    sound = buzz("anger", 1, 2.0)
    write_clip(folder / "both.mp4", [shown] * 10, 5, sound, RATE)
    write_clip(folder / "neither.mp4", [ground] * 10, 5, np.zeros_like(sound), RATE)
    write_sound(folder / "sound.wav", sound)
    return folder


def test_the_file_is_small_and_says_which_emotions_it_names():
    assert BOX.stat().st_size <= 8_000_000
    recognizer = Recognizer.load(BOX)
    assert recognizer.emotions == sorted(fer2013.EMOTIONS)
    assert recognizer.modalities == ("audio", "video")


def test_voice_and_face_are_averaged_where_both_are_there(laid_out, recordings):
    parts = {
        m: Recognizer.load(laid_out / name)
        for m, name in {"audio": "voice", "video": "face"}.items()
    }
    alone = {
        m: part.predict(recordings / "both.mp4").filter(like="prob_").to_numpy()[0]
        for m, part in parts.items()
    }
    whole = Recognizer.load(laid_out)
    [row] = whole.predict(recordings / "both.mp4").to_dict("records")
    values = np.array([row[f"prob_{emotion}"] for emotion in whole.emotions])
    assert (row["used"], row["reason"]) == ("both", "")
    assert np.allclose(values, (alone["audio"] + alone["video"]) / 2, rtol=1e-12)
    assert row["emotion"] == whole.emotions[int(values.argmax())]
    heard = whole.predict(recordings / "sound.wav")
    by_voice = parts["audio"].predict(recordings / "sound.wav")
    assert heard.filter(like="prob_").equals(by_voice.filter(like="prob_"))
    [row] = whole.predict(recordings / "neither.mp4").to_dict("records")
    assert row["emotion"] is None
    assert row["reason"] == "silence; no face found"


def test_the_card_says_licence_scores_and_what_nobody_measured(laid_out):
    card = (laid_out / kept.CARD).read_text()
    assert card == (Path(__file__).parents[2] / "docs/box.md").read_text()
    assert "CC BY-NC-SA" in card
    assert "What nobody measured" in card
    assert "intervals of 95 % resample subjects" in " ".join(card.split())


def test_expressions_are_averaged_over_faces_and_stand_for_emotions():
    random = np.random.default_rng(0)
    rows = random.normal(size=(5, 135)).astype(np.float32)
    pieces = [
        Piece(None, np.empty((0, 2)), None, {"video": (np.arange(5.0), rows)}),
        Piece(None, np.empty((0, 2)), None),
    ]
    clips = MeanExpression().of_pieces(pieces)
    assert clips.has(("video",)).tolist() == [True, False]
    model = ExpressionModel(6, stands_for=[5, 4, 3, 2, 1, 0, 0])  # two stand for the first
    [said] = model.predict_proba(clips.select(np.array([0])))
    frames = [softmax(row[-7:].astype(float)) for row in rows]
    mean = np.mean(frames, axis=0)
    assert np.allclose(said, [mean[5] + mean[6], mean[4], mean[3], mean[2], mean[1], mean[0]])
    with pytest.raises(DataError, match="piece 1 has none"):
        model.predict_proba(clips)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parts": []}, "parts: List should have at least 1 item"),
        ({"parts": ["../voice"]}, "parts.0: String should match pattern"),
        ({"parts": ["voice", "nobody"]}, "final.json is missing"),
        ({"format": 7}, f"is of format 7; expected {kept.FORMAT}"),
    ],
)
def test_parts_that_do_not_fit_are_one_line(laid_out, tmp_path, change, said):
    folder = Path(shutil.copytree(laid_out, tmp_path / "copy"))
    facts = json.loads((folder / kept.FACTS).read_text()) | change
    (folder / kept.FACTS).write_text(json.dumps(facts))
    with pytest.raises(DataError, match=said):
        kept.read_whole(folder)


def test_parts_of_other_emotions_are_refused(laid_out, tmp_path):
    folder = Path(shutil.copytree(laid_out, tmp_path / "copy"))
    file = folder / "face" / kept.FACTS
    facts = json.loads(file.read_text())
    facts["emotions"] = facts["emotions"][::-1]
    file.write_text(json.dumps(facts))
    with pytest.raises(DataError, match="tell other emotions apart"):
        kept.read_whole(folder)
