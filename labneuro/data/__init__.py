"""Run files (HDF5), their journal and validation, and the image sets."""
