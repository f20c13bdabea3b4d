"""Read canaries back: from backends, and from the Collector's counters."""
