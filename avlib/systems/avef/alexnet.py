"""AlexNet in one column: the ImageNet network of Krizhevsky 2012 as torchvision publishes it."""

from collections.abc import Iterator

from torch import Tensor, nn

from avlib.networks.channels import scaled

CLASSES = 1000
FULLY_CONNECTED = 4096
SIDE = 224  # pixels
# Channels, side of the kernel and stride of each convolution, and whether it is max-pooled.
CONVOLUTIONS = (
    (64, 11, 4, True),
    (192, 5, 1, True),
    (384, 3, 1, False),
    (256, 3, 1, False),
    (256, 3, 1, True),
)


class AlexNet(nn.Module):
    """Five convolutions, three of them max-pooled, and three fully connected layers.

    Parameters are named as in the published state dict (``features.0.weight`` ...
    ``classifier.6.bias``), which loads without renaming.

    Parameters
    ----------
    n_classes : int
        Of the last layer, `LAST`, whose published parameters fit 1000 only.
    width : float
        Multiplies every channel count; 1 is the published network.
    side : int
        Of the pictures in pixels, at least 63. Smaller ones than the published 224 save time in
        trials; parameters of fc6 fit one side only.
    dropout : float
        Before the first two fully connected layers, in training.
    batch_norm : bool
        Normalise what each convolution finds (Ioffe and Szegedy 2015); as published, nothing does.
    pooling : {"flatten", "average"}
        Of the last pictures: all their pixels side by side, as published, or their means.
    """

    LAST = "classifier.6"

    def __init__(
        self,
        n_classes: int = CLASSES,
        *,
        width: float = 1.0,
        side: int = SIDE,
        dropout: float = 0.5,
        batch_norm: bool = False,
        pooling: str = "flatten",
    ):
        super().__init__()
        hidden = scaled(FULLY_CONNECTED, width)
        self.features = nn.Sequential(*_layers(width, batch_norm=batch_norm))
        self.average = pooling == "average"
        pixels = 1 if self.average else _last_side(side) ** 2
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(scaled(CONVOLUTIONS[-1][0], width) * pixels, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, n_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes, before any softmax.

        Parameters
        ----------
        x : Tensor of shape (n, 3, side, side)

        Returns
        -------
        Tensor of shape (n, n_classes)
        """
        return self.classify(self.embed(x))

    def embed(self, x: Tensor) -> Tensor:
        """Activations of fc7, the second fully connected layer, after its ReLU.

        Parameters
        ----------
        x : Tensor of shape (n, 3, side, side)

        Returns
        -------
        Tensor of shape (n, 4096)
            Times ``width``.
        """
        found = self.features(x)
        return self.classifier[:6](found.mean((2, 3)) if self.average else found.flatten(1))

    def classify(self, embedded: Tensor) -> Tensor:
        """Scores of the classes, of what `embed` returns."""
        return self.classifier[6](embedded)


def _layers(width: float, *, batch_norm: bool) -> Iterator[nn.Module]:
    """Yield the layers below the fully connected ones."""
    channels_in = 3
    for full, kernel, stride, pooled in CONVOLUTIONS:
        channels = scaled(full, width)
        padding = kernel // 2 if stride == 1 else 2
        yield nn.Conv2d(channels_in, channels, kernel, stride=stride, padding=padding)
        if batch_norm:
            yield nn.BatchNorm2d(channels)
        yield nn.ReLU(inplace=True)
        if pooled:
            yield nn.MaxPool2d(3, stride=2)
        channels_in = channels


def _last_side(side: int) -> int:
    """Side of the last pictures: what the strided convolution and three poolings leave."""
    side = (side + 4 - 11) // 4 + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    return side
