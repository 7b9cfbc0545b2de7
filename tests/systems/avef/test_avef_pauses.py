"""What denoising is for: pauses that sound like any emotion."""

import numpy as np
from avef_clips import FORMAT
from sequence_clips import clips_of, talking
from test_avef import SETTINGS

from avlib.systems.avef.model import AVEFModel
from avlib.systems.avef.spoken import cut_clips


def with_pauses(folder, subjects, misleading):
    """Clips that tell their emotion for 0.8 s; before and after, their sound is of either.

    Or of the other one, where it is misleading.
    """
    folder.mkdir()
    recordings, spoken = [], {}
    for i in subjects:
        rng = np.random.default_rng(i)
        for emotion in (0, 1):
            chips, seen, sound = talking(emotion, i, 2.6, FORMAT)
            paused = 1 - emotion if misleading else int(rng.integers(2))
            _, _, mixed = talking(paused, i + 50, 2.6, FORMAT)
            start = float(rng.uniform(0.2, 1.6))
            voiced = slice(int(start * FORMAT.rate), int((start + 0.8) * FORMAT.rate))
            mixed[voiced] = sound[voiced]
            name = f"c{len(recordings):02d}"
            recordings.append((name, f"S{i}", emotion, chips, seen, mixed))
            spoken[name] = np.array([[start, start + 0.8]])
    return clips_of(folder, recordings, FORMAT), spoken


def test_what_is_spoken_alone_is_recognised_better_than_with_misleading_pauses(tmp_path):
    settings = SETTINGS | {"epochs": 12, "width": 1 / 16, "mel_side": 95, "learning_rate": 0.002}
    parts = [
        with_pauses(tmp_path / "train", range(12), misleading=False),
        with_pauses(tmp_path / "test", range(20, 32), misleading=True),
    ]
    right = {}
    for denoise in (True, False):
        train, test = (cut_clips(clips, spoken if denoise else {}) for clips, spoken in parts)
        model = AVEFModel(2, ("audio",), **settings).fit(train, train.select(np.arange(0)))
        predicted = model.predict_proba(test, ("audio",)).argmax(1)
        right[denoise] = np.mean(predicted == test.emotion)
        assert (model.diagnose(test)["kept_share"] < 0.4) == denoise
    # Over five seeds the first was 1.0 each time, the second 0.17 to 0.42; a clip is 0.04.
    assert right[True] > 0.85
    assert right[False] < 0.65
