"""Pure rules of the asking: no I/O, no clock, no randomness."""
