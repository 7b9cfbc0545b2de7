"""`python -m avlib`: a file a command."""
