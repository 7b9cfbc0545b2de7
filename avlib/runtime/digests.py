"""Digests of files and names."""

import hashlib
from pathlib import Path


def file_digest(*paths: Path) -> str:
    """Return the SHA-256 of the files' bytes, one file after the other, as hexadecimal text."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)  # goes on with the one digest
    return digest.hexdigest()


def name_digest(name: str) -> str:
    """Return a name's SHA-256: sorted by it, names are in an order that tells nothing of them."""
    return hashlib.sha256(name.encode()).hexdigest()
