"""The generated demo corpus: stylised talking faces, a stand-in for real recordings.

``generate`` draws and writes it; importing this package alone loads nothing but the label reader.
"""

from avlib.corpora.demo.labels import read_labels

__all__ = ["read_labels"]
