"""ID-aware guidance (paper section 3.4, Eq. 2-3): the guider, its weak branch and the schedules of its weights.

Torch and diffusers only: nothing here calls a model or knows Kedro.
"""
