"""The few named things that can be done with a stack. Each returns a frozen result.

They print nothing: progress goes to a `floe_local.run.progress.Report`.
"""
