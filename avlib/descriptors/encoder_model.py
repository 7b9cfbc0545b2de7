"""Encoders of the library transformers: loaded from their folders, and a layer taken of them.

transformers takes seconds to import, so only who loads an encoder does it.
"""

from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor, stack, tensor, tensordot

from avlib.runtime.errors import ParamsError, WeightsError

Layer: TypeAlias = int | str | tuple[float, ...]  # a number, "last", "mean", or weights
_LOCAL = {"local_files_only": True, "trust_remote_code": False}
_SHOWN = 3  # tensors that an error names


def read_part(kind: Any, folder: Path, **given: Any) -> Any:
    """Make a configuration or a preprocessor of an encoder.

    Parameters
    ----------
    kind
        The class in transformers.
    folder
        Of the encoder, see `avlib.descriptors.encoder_folder.check_folder`.
    **given
        What is not as the folder says.

    Raises
    ------
    WeightsError
        The folder's values make none.
    """
    try:
        return kind.from_pretrained(folder.absolute(), **_LOCAL, **given)
    except Exception as error:  # impossible values make it raise nearly anything
        raise _unusable(folder, error) from None


def load_network(kind: Any, folder: Path, config: Any, device: str, **given: Any) -> Any:
    """Make the network of an encoder, in float32, and fill it with the folder's tensors.

    Tensors that the network has no use for, such as those of a decoder, are left.

    Parameters
    ----------
    kind
        The class in transformers.
    folder
        Of the encoder.
    config
        See `read_part`.
    device
        Of torch.
    **given
        Further arguments of `kind`.

    Raises
    ------
    WeightsError
        A tensor is missing or of another shape, or a file is damaged.
    """
    import torch
    from transformers.utils import logging

    # It would draw bars and tables of what it leaves, for each worker.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        network, found = kind.from_pretrained(
            folder.absolute(),
            config=config,
            use_safetensors=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,  # they are told below
            output_loading_info=True,
            **_LOCAL,
            **given,
        )
    except Exception as error:  # so do damaged files
        raise _unusable(folder, error) from None
    problems = [f"{name} is missing" for name in sorted(found["missing_keys"])]
    problems += [
        f"{name} is {tuple(there)}, expected {tuple(wanted)}"
        for name, there, wanted in sorted(found["mismatched_keys"])
    ]
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise WeightsError(
            f"{folder} holds other weights than its config.json says:"
            f" {'; '.join(problems[:_SHOWN])}{more}; get all of its files again, from one place"
        )
    return network.to(device).eval()


def layer_of(output: Any, layer: Layer, asked: str) -> Tensor:
    """Take a layer of what a network returned with ``output_hidden_states=True``.

    Layer 0 is what enters the first block, layer n what leaves the n-th.

    Parameters
    ----------
    output
        Of shape (n, rows, dim) each.
    layer
        A number; "last", which is what the network gives, after its last normalisation where it
        has one; "mean", that of all layers, 0 among them; or a weight for each of them, whose
        weighted mean is taken.
    asked
        What to call the layer in a message.

    Returns
    -------
    Tensor of shape (n, rows, dim)

    Raises
    ------
    ParamsError
        There is no such layer, or there are more or fewer layers than weights.
    """
    if layer == "last":
        return output.last_hidden_state
    if layer == "mean":
        return stack(output.hidden_states).mean(0)
    if isinstance(layer, tuple):
        if len(layer) != len(output.hidden_states):
            raise ParamsError(
                f"{asked} has {len(layer)} weights, and this encoder {len(output.hidden_states)}"
                " layers, what enters the first block among them: give one for each"
            )
        weights = tensor(layer, device=output.hidden_states[0].device) / sum(layer)
        return tensordot(weights, stack(output.hidden_states), dims=1)
    if not int(layer) < len(output.hidden_states):
        raise ParamsError(
            f"{asked} is {layer}, and this encoder has the layers 0 to"
            f" {len(output.hidden_states) - 1}; set it to one of them, to last or to mean"
        )
    return output.hidden_states[int(layer)]


def _unusable(folder: Path, error: Exception) -> WeightsError:
    reason = " ".join(str(error).split())[:200]
    return WeightsError(
        f"{folder} cannot be loaded as an encoder ({type(error).__name__}: {reason}); expected the"
        " files of one model as published: get them again"
    )
