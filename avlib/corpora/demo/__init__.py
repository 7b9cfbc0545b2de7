"""The generated demo corpus: stylised talking faces, a stand-in for real recordings.

``generate`` draws and writes it; its reader loads the label readers alone.
"""
