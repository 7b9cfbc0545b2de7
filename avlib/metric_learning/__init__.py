"""Learned distances in scikit-learn's manner: arrays in, arrays out, nothing known of clips.

Each metric is a module of its own and none is imported here: a change of one of them then puts no
result of another out of date.
"""
