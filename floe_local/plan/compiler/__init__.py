"""The compiler: what plugins return, made into whole configs by pure functions."""
