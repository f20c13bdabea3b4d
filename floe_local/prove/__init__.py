"""Prove: send canaries, follow the hops, read back from each backend."""
