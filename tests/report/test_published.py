import pytest

from avlib.protocols import SUBJECT_INDEPENDENT
from avlib.report.published import Beside, beside, cite, over_time, partial

CORPORA = ("crema_d", "ravdess", "enterface05", "rml", "baum1s", "recola", "omg_emotion")


def systems(results):
    return {result.label: result.accuracy for result in results}


def test_results_match_where_protocol_and_folds_match():
    known = beside("crema_d", "subject_kfold", 10)
    assert systems(known.same_protocol)["merml"] == 66.5
    assert systems(known.other_protocol) == {"HiCMAE-B": 84.89, "HiCMAE-B, audio only": 71.01}
    rates = {(raters.counted, raters.modalities): raters.accuracy for raters in known.human_raters}
    assert rates == {
        ("", "audio"): 40.9,
        ("", "video"): 58.2,
        ("", "audio+video"): 63.6,
        ("traditional majority", "audio"): 45.5,
        ("traditional majority", "video"): 69.0,
        ("traditional majority", "audio+video"): 74.8,
    }


def test_the_modalities_that_lead_are_told_under_the_papers_protocol_alone():
    known = beside("crema_d", "subject_kfold", 10).leading
    assert known.both == ("fear", "neutral")
    assert beside("crema_d", "subject_kfold", 5).leading is None
    assert beside("ravdess", "subject_kfold", 10).leading is None


# Paper's table 1, enterface.
TABLE_1 = {
    "score-level SVM (Chetty 2015)": 87.4,
    "C3D-DBN, late fusion (Nguyen 2017)": 89.4,
    "svm_concat": 84.7,
    "itml": 77.5,
    "gmml": 81.9,
    "lmnn": 85.1,
    "merml": 91.5,
}


def test_mermls_table_1_is_whole():
    found = beside("enterface05", "stratified_kfold", 10).same_protocol
    of_table = [result for result in found if result.source == "merml, table 1"]
    assert systems(of_table) == TABLE_1


@pytest.mark.parametrize(
    ("protocol", "k"), [("subject_kfold", 4), ("stratified_kfold", 10), ("loso", 10)]
)
def test_nothing_matches_under_another_protocol(protocol, k):
    known = beside("crema_d", protocol, k)
    assert not known.same_protocol
    assert systems(known.other_protocol)["merml"] == 66.5


@pytest.mark.parametrize(
    ("corpus", "folds", "k", "best"),
    [
        ("ravdess", "hicmae", 6, {"HiCMAE-B": 87.99, "HiCMAE-B, audio only": 72.29}),
        ("ravdess", "luna_jimenez", 5, {"xlsr-Wav2Vec2.0 and action units": 86.70}),
        ("crema_d", "hicmae", 5, {"HiCMAE-B": 84.89, "HiCMAE-B, audio only": 71.01}),
        ("ravdess", "hicmae", 3, {}),  # some folds have nobody here
    ],
)
def test_results_on_a_published_list_match_that_list_whole(corpus, folds, k, best):
    assert systems(beside(corpus, "published", k, folds).same_protocol) == best
    for other in (beside(corpus, "subject_kfold", k), beside(corpus, "published", k, "another")):
        assert not best.keys() & systems(other.same_protocol).keys()


def test_number_of_folds_is_free_where_the_paper_states_none():
    for k in (5, 8):
        assert systems(beside("rml", "loso", k).same_protocol)["avef"] == 82.38


def test_one_corpus_may_hold_results_under_several_protocols():
    stratified = beside("enterface05", "stratified_kfold", 10)
    assert systems(stratified.same_protocol)["merml"] == 91.5
    assert systems(stratified.other_protocol)["avef"] == 85.69
    assert systems(beside("enterface05", "logso", 5).same_protocol)["avef"] == 85.69


def test_binary_tasks_never_stand_beside_emotions():
    known = beside("rml", "loso", 8)
    assert {result.task for result in (*known.same_protocol, *known.other_protocol)} == {"emotion"}


@pytest.mark.parametrize(
    ("clips", "subjects", "whole"),
    [(1440, 24, True), (1436, 24, True), (1440, 23, False), (1200, 24, False)],
)
def test_corpus_is_whole_with_all_subjects_and_nearly_all_clips(clips, subjects, whole):
    assert (partial("ravdess", clips, subjects) == "") == whole


@pytest.mark.parametrize(
    ("clips", "subjects", "whole"),
    [(1260, 42, True), (1293, 44, False), (1287, 43, False), (1290, 42, False)],
)
def test_a_larger_part_than_the_papers_is_no_counterpart(clips, subjects, whole):
    assert (partial("enterface05", clips, subjects) == "") == whole


def test_where_the_number_of_subjects_is_not_sure_clips_decide():
    assert partial("baum1s", 521, 30) == partial("baum1s", 521, 31) == ""
    assert partial("baum1s", 1184, 31).endswith("the published figures are of 521 clips")


def test_systems_of_one_modality_are_told_by_their_names():
    named = {r.system: r.modalities for r in beside("crema_d", "subject_kfold", 10).same_protocol}
    assert named["svm_audio"] == "audio"
    assert named["merml"] == named["svm_concat"] == "audio+video"


def test_corpus_without_published_results_has_none():
    assert beside("demo", "subject_kfold", 10) == Beside((), (), ())


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_result_is_placed_once_and_its_figures_are_percent(corpus):
    for protocol in SUBJECT_INDEPENDENT:
        known = beside(corpus, protocol, 10)
        for result in known.same_protocol:
            assert result.protocol.name == protocol
        for result in (*known.same_protocol, *known.other_protocol):
            assert result.protocol.name in SUBJECT_INDEPENDENT
            for value in (result.accuracy, result.uar, result.f1_macro):
                assert value is None or 1 < value < 100


def test_sources_are_spelled_out():
    assert cite("merml, table 1") == "Ghaleb, Popa, Asteriadis, IEEE MultiMedia 2019, table 1"
    assert cite("HiCMAE repository, 2024") == "HiCMAE repository, 2024"


# Paper's table II: global, separate LSTMs and gating; audio, video and both.
TABLE_II = {
    "crema_d": [56.4, 63.1, 69.0, 50.2, 66.8, 72.9, 57.0, 65.0, 74.0],
    "ravdess": [50.1, 60.2, 65.7, 40.1, 60.5, 65.8, 45.3, 60.1, 67.7],
}


@pytest.mark.parametrize("corpus", TABLE_II)
def test_a_system_may_have_figures_with_each_modality(corpus):
    results = beside(corpus, "subject_kfold", 10).same_protocol
    cells = {(r.system, r.modalities): r for r in results if r.system.startswith("gating")}
    order = [
        (system, used)
        for system in ("gating_global", "gating_lstm", "gating")
        for used in ("audio", "video", "audio+video")
    ]
    assert [cells[key].accuracy for key in order] == TABLE_II[corpus]
    assert len(cells) == 9
    assert cells["gating", "audio"].label == "gating, audio only"
    assert cells["gating", "audio+video"].label == "gating"
    assert {r.label for r in results if r.system == "svm_audio"} <= {"svm_audio"}


def test_no_figure_may_stand_beside_models_that_normalise_speakers():
    usual = beside("crema_d", "subject_kfold", 10)
    assert usual.same_protocol
    for kind in ("enrolled", "transductive"):
        found = beside("crema_d", "subject_kfold", 10, normalise=kind)
        assert not found.same_protocol
        assert found.leading is None
        assert len(found.other_protocol) == len(usual.same_protocol + usual.other_protocol)
        assert found.human_raters == usual.human_raters


def test_figures_of_one_part_never_stand_beside_scores_of_another():
    for part, same in (("validation", True), ("test", False), (None, False)):
        known = beside("omg_emotion", "official", 1, part=part)
        assert bool(known.same_protocol) == same
        assert len(known.same_protocol + known.other_protocol) == 8
    labels = {r.label: r.f1_macro for r in known.other_protocol}
    assert labels["emobed, audio only"] == 41.7
    assert labels["emobed_classic, video only"] == 37.9


def test_results_over_time_are_those_of_the_tested_part_in_each_scenario():
    found = over_time("recola", "official", "test")
    best = found["emobed", "audio+appearance"]
    assert (best.ccc_arousal, best.ccc_valence) == (0.644, 0.434)
    assert found["emobed_classic", "audio"].ccc_valence == 0.381
    assert not over_time("recola", "official", "validation")
    assert not over_time("recola", "loso", "test")
    assert not beside("recola", "official", 1, part="test").same_protocol
