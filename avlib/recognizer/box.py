"""The model in the box: what `predict` asks where nobody has kept a model. See docs/box.md."""

from pathlib import Path

BOX = Path(__file__).with_name("box.zip")
