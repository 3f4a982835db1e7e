"""Fits: run files to calibrated models, with intervals and goodness of fit."""
