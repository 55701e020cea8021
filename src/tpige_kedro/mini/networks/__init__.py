"""The small own networks of the mini world, one file a role; they need torch and safetensors only.

Pictures go in as (n, 3, 80, 80) tensors in [-1, 1] unless a network says otherwise; face crops are (n, 3, 40, 40).
"""

FRAME_SIDE = 80  # pixels, height and width of every frame that a network sees
FACE_SIDE = 40  # pixels of an aligned face crop
