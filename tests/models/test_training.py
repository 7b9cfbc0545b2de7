"""What a train stage says of a corpus that it cannot learn from."""

import pandas as pd
import pytest

from avlib.errors import DataError
from avlib.models.training import require_emotions


def test_a_corpus_without_emotions_is_one_clear_line_for_a_system_of_emotions():
    clips = pd.DataFrame({"corpus": "recola", "emotion": [None, None], "arousal": [0.1, 0.2]})
    with pytest.raises(DataError, match=r"merml: none of the 2 clips of recola has an emotion.*no"):
        require_emotions("merml", clips)
    require_emotions("merml", clips.assign(emotion=["anger", None]))
