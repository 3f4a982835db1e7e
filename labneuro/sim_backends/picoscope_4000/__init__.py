"""The simulated PicoScope 4000 series and its vendor library."""
