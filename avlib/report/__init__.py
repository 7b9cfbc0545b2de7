"""Scores, pictures and the report: what tables of predictions say about models."""
