"""``python -m avlib``."""

from avlib.cli.main import main

main()
