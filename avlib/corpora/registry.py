"""The readers of all corpora, by name."""

from avlib.corpora.base import Reader
from avlib.corpora.baum1s import Baum1s
from avlib.corpora.crema_d import CremaD
from avlib.corpora.demo_reader import Demo
from avlib.corpora.enterface05 import Enterface05
from avlib.corpora.omg_emotion import OmgEmotion
from avlib.corpora.ravdess import Ravdess
from avlib.corpora.recola import Recola
from avlib.corpora.rml import Rml
from avlib.errors import CorpusError

_ALL: tuple[Reader, ...] = (
    Baum1s(),
    CremaD(),
    Demo(),
    Enterface05(),
    OmgEmotion(),
    Ravdess(),
    Recola(),
    Rml(),
)
READERS: dict[str, Reader] = {corpus.name: corpus for corpus in _ALL}


def reader(name: str) -> Reader:
    """Return the reader of a corpus.

    Raises
    ------
    CorpusError
        The name is unknown; the message lists the known ones.
    """
    if name not in READERS:
        raise CorpusError(f"corpus: {name!r} is unknown; expected one of {', '.join(READERS)}")
    return READERS[name]
