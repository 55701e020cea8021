"""Seconds of whole clips at the published sizes: loading, sampling, decoding, and the gap to the next."""
