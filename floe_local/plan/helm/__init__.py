"""Helm values for a cluster, from what plugins return and what was compiled."""
