"""What recordings are followed from, and what else helps in training (EmoBed, section 5.1).

A scenario is named after the features of the target modality and, behind a plus, of the one that
helps: "audio+geometry" follows sound, and faces as their landmarks tell them help. Faces are
described in two ways, which are two modalities of the paper's.
"""

MODALITY = {"audio": "audio", "geometry": "video", "appearance": "video"}
HELPED = ("audio+appearance", "appearance+audio", "audio+geometry", "geometry+audio")


def target_of(scenario: str) -> str:
    """Return the features that a scenario follows from."""
    return scenario.partition("+")[0]


def modalities_of(scenario: str) -> tuple[str, ...]:
    """Return the target's modality and then, where one helps, its modality."""
    return tuple(MODALITY[features] for features in scenario.split("+"))


def faces_of(scenario: str) -> str:
    """Return what describes the faces of a scenario; empty where it looks at none."""
    return next((f for f in scenario.split("+") if MODALITY[f] == "video"), "")


def scenario_of(model: str) -> str:
    """Return the scenario of a model, such as "audio+geometry" of emobed-audio+geometry."""
    return model.partition("-")[2]
