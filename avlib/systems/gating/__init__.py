"""The gating paradigm (Ghaleb, Popa, Asteriadis 2019) and the baselines of its table II."""
