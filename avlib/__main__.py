"""``python -m avlib``."""

from avlib.cli import main

main()
