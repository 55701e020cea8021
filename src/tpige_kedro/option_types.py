"""Types of options that several classes take; :mod:`tpige_kedro.options` checks them before a run. Nothing large is imported here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

Count = Annotated[int, Field(ge=1)]
SidePixels = Annotated[int, Field(gt=0, multiple_of=16)]  # 8 pixels a latent, 2 latents a patch
Seconds = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]
Device = Annotated[str, Field(pattern=r"^(cpu|cuda|mps|xpu|npu|hpu|xla|mtia)(:\d+)?$")]
Dtype = Literal["float32", "bfloat16", "float16"]
Url = Annotated[str, Field(pattern=r"^https?://[^/\s]")]
