"""Whether a plugin keeps the contract of ADR-0035, found out without a stack.

`evidence` runs the plugin, in child processes, and gathers what it did; `checks` judges it,
as pure functions; `report` is what comes of it.
"""
