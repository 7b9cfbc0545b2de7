"""What is registered: one line for each corpus. A line here reruns nothing.

Names are imported when they are asked for: no stage and no fingerprint depends on this file, or on
what it names beside the one thing that is used.
"""

import functools
from importlib import import_module
from typing import TYPE_CHECKING, Any

from avlib.runtime.errors import CorpusError

if TYPE_CHECKING:
    from avlib.corpora.common.base import Reader

CORPORA = {  # by the name of the folder under data/raw
    "baum1s": "avlib.corpora.baum1s:Baum1s",
    "crema_d": "avlib.corpora.crema_d:CremaD",
    "demo": "avlib.corpora.demo.reader:Demo",
    "enterface05": "avlib.corpora.enterface05:Enterface05",
    "omg_emotion": "avlib.corpora.omg_emotion:OmgEmotion",
    "ravdess": "avlib.corpora.ravdess:Ravdess",
    "recola": "avlib.corpora.recola:Recola",
    "rml": "avlib.corpora.rml:Rml",
}


def reader(corpus: str) -> "Reader":
    """Return the reader of a corpus.

    Raises
    ------
    CorpusError
        The name is unknown; the message lists the known ones.
    """
    if corpus not in CORPORA:
        raise CorpusError(f"corpus: {corpus!r} is unknown; expected one of {', '.join(CORPORA)}")
    return _made(CORPORA[corpus])


@functools.cache
def _made(entry: str) -> Any:
    """Import a registered class, ``module:name``, and make its one instance."""
    module, _, name = entry.partition(":")
    return getattr(import_module(module), name)()
