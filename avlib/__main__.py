"""``python -m avlib``."""

from avlib.runtime.interrupt import end_in_one_line

end_in_one_line()

from avlib.cli.main import main  # noqa: E402 - seconds, in which Ctrl-C may come

main()
