"""What integration tests and plugin authors use."""
