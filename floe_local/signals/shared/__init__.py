"""What signals have in common: plans of spans, how they are sent, and how two are compared."""
