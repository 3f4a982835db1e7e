"""The simulated Keysight InfiniiVision 3000T X-Series oscilloscope."""
