"""Judging: feature extraction and store, probes, protocols, metrics and intervals."""
