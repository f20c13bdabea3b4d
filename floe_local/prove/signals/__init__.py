"""What is sent and read back: each signal is a module of this room, called as the signal is."""
