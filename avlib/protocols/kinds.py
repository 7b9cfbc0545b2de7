"""What sets the protocols apart: whom and which corpora they keep on one side."""

# Protocols under which no corpus is on both sides.
ACROSS_CORPORA = ("cross_corpus", "leave_one_corpus_out")

SUBJECT_INDEPENDENT = {
    protocol: protocol != "stratified_kfold"
    for protocol in (
        *("subject_kfold", "stratified_kfold", "loso", "logso", "official", "published"),
        *ACROSS_CORPORA,
    )
}
