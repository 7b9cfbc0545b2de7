"""How emotions are mapped in a file of parameters."""

from typing import Annotated, Any

from pydantic import BeforeValidator


def _text_keys(labels: Any) -> Any:
    """Return emotions that are numbers, as codes are, as the text of a table."""
    return {str(k): v for k, v in labels.items()} if isinstance(labels, dict) else labels or {}


LabelMap = Annotated[dict[str, str | None], BeforeValidator(_text_keys)]
