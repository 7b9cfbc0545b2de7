"""How channel 0 of a mel image is drawn, by setting ``mels``."""

from avlib.speech.mel import log_mel, relative_log_mel, standard_log_mel

MELS = {"standard": standard_log_mel, "relative": relative_log_mel, "paper": log_mel}
