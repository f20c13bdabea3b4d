"""What floe-local costs, measured beside what it is compared with."""
