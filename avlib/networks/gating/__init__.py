"""The gating paradigm's networks: I3D and SoundNet, LSTMs over their windows, augmentation."""
