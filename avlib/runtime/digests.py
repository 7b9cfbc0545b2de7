"""Digests of files."""

import hashlib
from pathlib import Path


def file_digest(*paths: Path) -> str:
    """Return the SHA-256 of the files' bytes, one file after the other, as hexadecimal text."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)  # goes on with the one digest
    return digest.hexdigest()
