"""EmoBed for continuous emotion: arousal and valence at every moment of a recording."""

SYSTEMS = {
    "emobed_classic": "one modality alone",
    "emobed_joint": "joint training with the other modality (alpha)",
    "emobed_triplet": "crossmodal triplets (beta)",
    "emobed": "both",
}
BASELINE = "svr"
EVERY = {BASELINE: "linear support vector regression of one modality", **SYSTEMS}
CLASSIC, EMOBED = "emobed_classic", "emobed"
DIMENSIONS = ("arousal", "valence")
CHUNK = 500  # steps that networks read at a time: 20 s of RECOLA
