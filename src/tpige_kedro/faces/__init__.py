"""Faces in photos: finding one, bringing it upright, comparing two. Scorers and the judge of redrawn references share it."""
