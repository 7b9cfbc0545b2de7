"""Tiny random encoders in folders, as Hugging Face lays them out; for test_encoder_*.py."""

import json
from pathlib import Path

import torch

from avlib import registry
from avlib.descriptors.encoder_folder import encoder_digest

TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


def saved(folder, kind, config, preprocessor):
    """Save a network with random weights that are not near 0, and its preprocessor."""
    torch.manual_seed(0)
    network = kind(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    network.save_pretrained(folder)
    preprocessor.save_pretrained(folder)
    return folder


def described_by(modality, folder, layer="last", **settings):
    """Make the descriptor as the stage does."""
    section = {
        "descriptor": "huggingface",
        "level": "frames",
        "views": [],
        "model": str(folder),
        "model_layer": layer,
        **settings,
    }
    return registry.descriptor(modality, section | encoder_digest(modality, section))


def changed(folder, name, **values):
    """Change values of a JSON file; None removes one."""
    path = Path(folder) / name
    content = json.loads(path.read_text()) | values
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))
