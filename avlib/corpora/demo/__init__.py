"""The generated demo corpus: stylised talking faces, a stand-in for real recordings.

``generate`` draws and writes it; importing this package alone loads nothing but the label readers.
"""

from avlib.corpora.demo.labels import read_labels, read_traces

__all__ = ["read_labels", "read_traces"]
