"""The table of folds, and the words that stand in it."""

from avlib.runtime.tables.schema import INT, TEXT, Schema

FOLDS = Schema("folds", ("clip_id", "fold"), {"clip_id": TEXT, "fold": INT, "part": TEXT})

PARTS = ("train", "validation", "test")

# Clips of a tested speaker that give his mean away and are neither learned from nor scored.
ENROLMENT = "enrolment"

# Clips of a corpus that only helps to train: of systems that ask for them, and in every fold.
AUXILIARY = "auxiliary"
