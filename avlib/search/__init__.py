"""Search for settings: proposed by Optuna, run as DVC's experiments, judged by validation alone."""
