"""Section ``avef`` of params.yaml."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from avlib.runtime import paths
from avlib.runtime.params import Candidates, Positive, all_or_some_of, without_repeats
from avlib.systems.common.trained_weights import WithTrainedWeights

# What ``recipe: paper`` sets, whatever stands there.
PAPER: dict[str, Any] = {
    "mels": "paper",
    "batch_norm": False,
    "pooling": "flatten",
    "svm_folds": 1,
    "decision": "svm",
}
# What published networks, and the demo's, are like, by whatever recipe they learn on.
PUBLISHED: dict[str, Any] = {"batch_norm": False, "pooling": "flatten"}

TRANSFERRED = "avef_transfer"  # the model that begins with networks of other corpora
FIRST = paths.MODELS / TRANSFERRED / "first"  # these

# All but the last one; of another corpus the convolutions alone.
TRAINED_LAYERS = {
    "published": {"audio": 7, "video": 10},
    "transfer": {"audio": 5, "video": 8},
}


class Avef(WithTrainedWeights):
    """AVEF with and without denoising; see `avlib.systems.avef.model`."""

    paper = PAPER
    trained_layers = TRAINED_LAYERS
    train: Annotated[bool | list[str], all_or_some_of("avef", "avef_raw", TRANSFERRED)]
    weights: Literal["none", "published", "demo"]
    transfer: Annotated[list[str], AfterValidator(without_repeats), AfterValidator(sorted)]
    carried: Literal["shallow", "all"]
    segment: float = Field(ge=0.1)
    mels: Literal["relative", "standard", "paper"]
    shown: int = Field(ge=1)
    batch_norm: bool
    pooling: Literal["average", "flatten"]
    fps: float = Field(gt=0)
    side: int = Field(ge=32, le=224)
    mel_side: int = Field(ge=63, le=512)
    width: float = Field(gt=0, le=1)
    dropout: float = Field(ge=0, lt=1)
    learning_rate: Positive
    momentum: float = Field(ge=0, lt=1)
    batch: int = Field(ge=1)
    epochs: int = Field(ge=1)
    dbn_epochs: int = Field(ge=0)
    dbn_rates: list[Positive] = Field(min_length=2, max_length=2)
    dbn_steps: int = Field(ge=1)
    dbn_weight_decay: float = Field(ge=0)
    joint_batch: int = Field(ge=1)
    joint_epochs: int = Field(ge=1)
    patience: int | None = Field(ge=1)
    decision: Literal["segments", "svm"]
    svm_c: Candidates[Positive]
    svm_degree: Candidates[Annotated[int, Field(ge=1)]]
    svm_kernel: Literal["scaled", "libsvm"]
    svm_folds: int = Field(ge=1)
    binary: list[Literal["arousal", "valence"]]
    seed: int = Field(ge=0)

    @field_validator("svm_c", "svm_degree", "binary")
    @classmethod
    def _each_once(cls, values: list[Any]) -> list[Any]:
        return without_repeats(values)

    @model_validator(mode="after")
    def _of_transfer(self) -> Self:
        if not isinstance(self.train, bool) and TRANSFERRED in self.train and not self.transfer:
            raise ValueError(
                f"train names {TRANSFERRED}, and transfer is []: expected the members of a joined"
                " corpus that teach its networks first (docs/systems.md)"
            )
        return self

    @property
    def begins_with(self) -> str:
        """As of `WithTrainedWeights`; of a transfer the others begin with nothing."""
        return "transfer" if self.transfer else self.weights

    def used(self, modern: dict[str, Any]) -> dict[str, Any]:
        """Return what the models are made with; published weights fit published networks alone."""
        settings = super().used(modern)
        settings.pop("transfer")  # who trains the first networks is in these
        return settings | (PUBLISHED if self.weights in ("published", "demo") else {})
