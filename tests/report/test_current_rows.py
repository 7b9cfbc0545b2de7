from avlib.report.current import OF_OTHER_FOLDS, OF_OTHER_LABELS, current_predictions, current_rows
from avlib.runtime.tables import write_table


def test_predictions_whose_truth_was_overwritten_are_not_scored(
    tiny, schemas, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    rows = tiny.predict()
    right = rows.assign(emotion=rows["predicted"])
    assert (rows["emotion"] != right["emotion"]).any()
    for model, table in (("merml", rows), ("cheat", right), ("old", rows.assign(fold=0))):
        table = table.assign(model=model)
        write_table(f"data/predictions/{model}.parquet", table, schemas["predictions"])
    models = ("merml", "cheat", "old")
    found, left_out = current_predictions(models, tiny.folds, tiny.clips)
    assert list(found) == ["merml"]
    assert left_out == {"cheat": OF_OTHER_LABELS, "old": OF_OTHER_FOLDS}


def test_tables_without_emotions_are_compared_with_the_folds_alone(tiny, schemas, tmp_path):
    tested = tiny.folds[tiny.folds["part"] == "test"]
    write_table(tmp_path / "a.parquet", tested, schemas["folds"])
    assert len(current_rows(tmp_path / "a.parquet", tiny.folds, tiny.clips)) == len(tested)
