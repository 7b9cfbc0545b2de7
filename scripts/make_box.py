"""Make avlib/recognizer/box.zip, the model that `avlib predict` has from the start, and its card.

    python scripts/make_box.py

It has two parts. The voice is `merml`, trained by the pipeline on RAVDESS's speech under
data/raw/ravdess (calm joined to neutral), and cross-validated there over folds of whole actors.
The face is the expression network of data/weights/expression. What both say is averaged: there are
no recordings here to learn a weight from. Two runs on one machine give the same bytes.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from results_on_people import ROOT, fresh_copy, git, lay_over, protocol

from avlib import Recognizer
from avlib.corpora import fer2013
from avlib.params import Params, load
from avlib.recognizer import kept
from avlib.recognizer.archive import pack
from avlib.recognizer.box import BOX
from avlib.recognizer.expression_model import ExpressionModel
from avlib.runtime import paths
from avlib.runtime.digests import file_digest

NAME = "voice_and_face"
VOICE = "merml"
SETTINGS = {
    "corpus": "ravdess",
    "labels": {"calm": "neutral"},
    "modalities": ["audio"],
    "speech": {"loudness": "equal"},
    "audio": {"views": ["egemaps.clip"]},
    "fisher": {"components": 32, "pca_audio": 32},
    "final": {"systems": [VOICE]},
}
WEIGHTS = ROOT / paths.WEIGHTS / "expression"
CARD = ROOT / "docs" / "box.md"
EMODB = {
    "W": "anger",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "N": "neutral",
    "T": "sadness",
}
LARGEST = 8_000_000  # bytes of the file


def main() -> None:
    """Train the voice, put the face beside it, and write one file."""
    commit = git("rev-parse", "HEAD")
    project = fresh_copy(commit)
    lay_over(
        project / "params.yaml", SETTINGS | {"protocol": protocol(ROOT / paths.RAW / "ravdess")}
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [sys.executable, "-m", "dvc", "repro", f"train_{VOICE}", f"final@{VOICE}"],
        cwd=project,
        env=os.environ | {"PATH": path},
        check=True,
    )
    whole = project / "box"
    shutil.copytree(project / paths.FINAL / VOICE, whole / "voice")
    emotions = json.loads((whole / "voice" / kept.FACTS).read_text())["emotions"]
    write_face(whole / "face", emotions, load(tuple(Params.model_fields), project / "params.yaml"))
    facts = {"format": kept.FORMAT, "model": NAME, "parts": ["voice", "face"]}
    (whole / kept.FACTS).write_text(json.dumps(facts, indent=2) + "\n")
    outside = outside_of_the_corpus(whole)
    card = card_of((whole / "voice" / kept.CARD).read_text(encoding="utf-8"), outside)
    (whole / kept.CARD).write_text(card, encoding="utf-8")
    pack(whole, BOX)
    CARD.write_text(card, encoding="utf-8")
    shutil.rmtree(project)
    if (size := BOX.stat().st_size) > LARGEST:
        sys.exit(f"error: {BOX} has {size:,} bytes; expected {LARGEST:,} at most")
    print(f"{BOX}: {size:,} bytes")


def write_face(folder: Path, emotions: list[str], params: Any) -> None:
    """Write the part that sees."""
    folder.mkdir()
    codes = [emotions.index(emotion) for emotion in fer2013.EMOTIONS]
    ExpressionModel(len(emotions), stands_for=codes).save(folder / kept.MODEL)
    network = WEIGHTS / "expression.safetensors"
    shutil.copyfile(network, folder / kept.FACE_NETWORK)
    dumped = {key: getattr(params, key) for key in kept.SETTINGS}
    settings: dict[str, Any] = {
        k: v if isinstance(v, list) else v.model_dump() for k, v in dumped.items()
    }
    settings["modalities"] = ["video"]
    settings["video"] |= {"descriptor": "expression", "views": []}
    kept.write_facts(
        folder,
        {
            "model": "expression",
            "corpus": "fer2013",
            "emotions": emotions,
            "settings": settings,
            "encoder_digests": {},
            "face_network": file_digest(network),
        },
    )
    shutil.copyfile(WEIGHTS / "README.md", folder / kept.CARD)


def outside_of_the_corpus(whole: Path) -> str:
    """Return what the voice says of EmoDB, where it is, as a paragraph."""
    files = sorted((ROOT / paths.RAW / "emodb").rglob("*.wav"))
    truth = [EMODB.get(file.stem[5]) for file in files]
    files = [file for file, emotion in zip(files, truth, strict=True) if emotion]
    if not files:
        return ""
    said = Recognizer.load(whole).predict(files)["emotion"]
    right = said == [emotion for emotion in truth if emotion]
    by_emotion = right.groupby([emotion for emotion in truth if emotion]).mean()
    speakers = len({file.stem[:2] for file in files})
    return (
        "**Measured outside of its corpus.** On EmoDB's acted German (Burkhardt et al. 2005),"
        f" {len(files)} clips of {speakers} speakers, {len(by_emotion)} emotions that both have,"
        f" the voice is right in {100 * right.mean():.1f} %, UAR {100 * by_emotion.mean():.1f} %"
        f" (chance {100 / len(by_emotion):.1f}; it may also say surprise). All clips are brought"
        " to one loudness, in training too, because without it the voice took nearly all of EmoDB"
        " for anger; nothing else was chosen by these clips.\n\n"
    )


def card_of(voice: str, outside: str) -> str:
    """Return the card of the whole, with those of its parts below."""
    face = (WEIGHTS / "README.md").read_text(encoding="utf-8")
    return f"""\
# The model in the box

`avlib predict` uses it where no model has been kept (`data/final` is empty) and none is named.
It names one of seven emotions for a recording of one person: from the voice, from the face, or
from the mean of what both say.

**Licence.** The voice part is made of RAVDESS (Livingstone and Russo 2018), CC BY-NC-SA 4.0,
and is under the same licence: not for commercial use. The face part is made of FER2013, for
research. Apache-2.0 covers the code alone.

**What nobody measured.** The two together: no recordings with both, of people who neither part
learned from, were at hand, so their weights are equal and not learned. The voice's model,
descriptors and mixture are the best of four that were tried by the same cross-validation, all
within two points. Spontaneous emotion, other languages than English and German, children, the
old, noise, telephones: the voice knows twelve or more North American actors in one studio who
spoke two sentences; the face knows posed and searched-for still pictures. It names one of its
seven emotions for whatever it is given. Do not decide about people by it.

{outside}**Made by** `python scripts/make_box.py`, from RAVDESS's speech under `data/raw/ravdess`
(and EmoDB under `data/raw/emodb`, to test it).

The cards of both parts follow.

---

{_below(voice)}
---

{_below(face)}"""


def _below(card: str) -> str:
    """Return a card with its headings one level down."""
    lines, in_code = [], False
    for line in card.splitlines(keepends=True):
        in_code ^= line.startswith("```")
        lines.append(f"#{line}" if line.startswith("#") and not in_code else line)
    return "".join(lines)


if __name__ == "__main__":
    main()
