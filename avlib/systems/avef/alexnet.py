"""AlexNet in one column: the ImageNet network of Krizhevsky 2012 as torchvision publishes it."""

from torch import Tensor, nn

from avlib.networks.channels import scaled

CLASSES = 1000
FULLY_CONNECTED = 4096
SIDE = 224  # pixels


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
    """

    LAST = "classifier.6"

    def __init__(
        self,
        n_classes: int = CLASSES,
        *,
        width: float = 1.0,
        side: int = SIDE,
        dropout: float = 0.5,
    ):
        super().__init__()
        one, two, three, four, five = (scaled(full, width) for full in (64, 192, 384, 256, 256))
        hidden = scaled(FULLY_CONNECTED, width)
        self.features = nn.Sequential(
            nn.Conv2d(3, one, 11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(one, two, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(two, three, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(three, four, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(four, five, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(five * _last_side(side) ** 2, hidden),
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
        return self.classifier[6](self.embed(x))

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
        return self.classifier[:6](self.features(x).flatten(1))


def _last_side(side: int) -> int:
    """Side of the last pictures: what the strided convolution and three poolings leave."""
    side = (side + 4 - 11) // 4 + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    return side
