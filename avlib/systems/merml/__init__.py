"""MERML (Ghaleb, Popa, Asteriadis 2019)."""
