"""What a fold of the gating paradigm costs."""

from avlib.networks.channels import scaled
from avlib.systems.common.rehearsal import Rehearsal
from avlib.systems.common.sequences import SequenceClips
from avlib.systems.gating.windows import gate_windows

DIM = 1024  # that SoundNet and I3D make of a window, at full width


class GatingRehearsal(Rehearsal):
    """Its pieces are windows."""

    def n_pieces(self, clips: SequenceClips) -> int:
        """Return how many windows clips have."""
        windows, _ = gate_windows(self.recipe.name, self.settings)
        return int(windows.open(clips.durations).sum())

    def at_once(self, per_clip: float) -> float:
        """Return how many windows a mini-batch has, with clips of every emotion."""
        n_classes = self.arguments[0]
        return self.settings["per_class"] * n_classes * per_clip

    def scratch(self, n_pieces: float) -> float:
        """Return the bytes of what wholly frozen networks make of all windows, of any clip."""
        model = self.model()
        dims = [scaled(DIM, self.settings["width"]) for _ in model.wholly_frozen]
        windows, _ = gate_windows(self.recipe.name, self.settings)
        return 4.0 * sum(dims) * self.n_clips * windows.count
