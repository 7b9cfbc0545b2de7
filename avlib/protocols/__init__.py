"""Evaluation protocols: which clips train, select and test in each fold, and the leak check.

``subject_kfold``
    k folds of whole subjects, emotions spread as evenly as whole subjects allow.
``stratified_kfold``
    k folds of clips balanced by emotion; a subject may be on both sides.
``loso``, ``logso``
    One subject, or one of k equally large groups of subjects, is tested at a time.
``official``
    The corpus authors' own partition, read from the clips' column ``partition``; one fold. Where
    the authors keep the labels of their test part, the validation part of a corpus of emotions is
    tested, as papers do, and another validation part is taken out of the training clips. Of a
    corpus of arousal and valence the test part stays what it is: it is predicted, to be handed in,
    and what is selected on the validation part is scored there too, as AVEC's papers do. Parts to
    learn from and to test may also be named: all that is learned and selected is of the former,
    and parts that are not named are left out. Clips of a tested subject are left out of training
    and validation (one YouTube video lends clips to two parts of OMG-Emotion).
``published``
    Folds whose tested subjects others named (`avlib.corpora.published_folds`). A fold tests those
    of its subjects who are here, and there is none for a fold of whom nobody is. Clips of subjects
    whom no fold names are left out: trained on, they would give what the others did not have.
``cross_corpus``
    Some members of a joined corpus train, others are tested, the rest is left out. It is one fold,
    however many are tested: what is learned does not depend on who is tested, and the report scores
    each tested corpus by itself.
``leave_one_corpus_out``
    One member of a joined corpus is tested at a time, all others train.

The five papers publish no subject lists, so folds are drawn from a seed. Whatever the protocol, the
validation part consists of whole subjects that were taken out of the training clips, because
anything that is selected must be selected on people whom the model has not heard or seen. Only
``stratified_kfold``, which tests people whom the model knows, may select on them too: then the
part is clips of each emotion (MERML section 5.3 trains on all subjects, and names no validation).

Under each of them a member of a joined corpus may only help to train (`set_apart`,
`with_auxiliary`): folds are made of the other members, and its clips stand in every fold as part
``auxiliary``, which systems do not learn from unless they ask for it.
"""

from avlib.protocols.auxiliary import set_apart, with_auxiliary
from avlib.protocols.enrolment import enrol
from avlib.protocols.folds import make_folds
from avlib.protocols.given import left_by_partition
from avlib.protocols.kinds import SUBJECT_INDEPENDENT
from avlib.protocols.labelled import has_label
from avlib.protocols.leaks import check_folds
from avlib.protocols.tables import AUXILIARY, ENROLMENT, FOLDS, PARTS
from avlib.protocols.trusted import checked_folds, drawn_from

__all__ = [
    "AUXILIARY",
    "ENROLMENT",
    "FOLDS",
    "PARTS",
    "SUBJECT_INDEPENDENT",
    "check_folds",
    "checked_folds",
    "drawn_from",
    "enrol",
    "has_label",
    "left_by_partition",
    "make_folds",
    "set_apart",
    "with_auxiliary",
]
