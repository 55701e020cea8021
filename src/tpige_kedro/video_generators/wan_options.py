"""The settings that the Wan generators share, checked at construction."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tpige_kedro.option_types import Count, Device, Dtype, SidePixels
from tpige_kedro.schemas import Settings
from tpige_kedro.video_generators.attention import Attention
from tpige_kedro.video_generators.loras.settings import Lora
from tpige_kedro.video_generators.negative_prompt import text_of


class Parallel(Settings):
    """How several processes share a clip (see :mod:`~tpige_kedro.video_generators.parallel`); both off: each works alone.

    ``context``: over how many ranks the tokens are split; ``branches``: one branch of the guidance on each rank.
    """

    context: Count = 1
    branches: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Parallel:
        if self.context > 1 and self.branches:
            raise ValueError("parallel: set context or branches, not both")
        return self


class Cache(Settings):
    """When blocks are not computed again, see :mod:`~tpige_kedro.video_generators.block_cache`.

    ``threshold``: relative change of what the first block adds, below which the others are reused; 0 reuses nothing. In the
    ``first_steps`` and ``last_steps`` of a run everything is computed.
    """

    kind: Literal["first_block"] = "first_block"
    threshold: Annotated[float, Field(ge=0)] = 0.1
    first_steps: Annotated[int, Field(ge=1)] = 4
    last_steps: Annotated[int, Field(ge=0)] = 1


class WanOptions(Settings):
    """Size, steps, precision and memory of a Wan generator. The defaults of size and steps are the paper's.

    ``num_frames`` is 4k + 1; 1 draws a single picture. ``flow_shift`` None takes the scheduler of the checkpoint as it is.
    ``sampler``: ``unipc`` (multistep, the paper's), ``euler`` (first order) or ``lcm`` (new noise at every step); the last two
    are what distilled models were trained for, see :mod:`~tpige_kedro.video_generators.wan_timesteps`.
    ``sigmas``: ``reference`` is the table of the authors' scheduler (from 0.999 to 0), ``diffusers`` the library's own; for ``euler`` and
    ``lcm`` that is evenly from 1 towards 0, as LightX2V has it.
    ``loras`` change the transformer when it is loaded (:mod:`~tpige_kedro.video_generators.loras`).
    ``shared_noise``: a seed that all clips share instead of their own, as in the authors' code (2025);
    ``noise_device`` cuda draws the noise as they do, cpu gives the same noise on every machine.
    ``negative_prompt``: a text, or ``wan`` for Wan's terms in our own words; ``negative_prompt_file`` reads it from a UTF-8 file.
    ``letterbox``: ``phantom`` rounds the size of the reference down, as Phantom's authors do, ``lanczos`` to the nearest pixel;
    ``stock`` is diffusers' own. ``frame_rounding``: how [0, 1] becomes 0 to 255; ``truncate`` as Wan's and diffusers' savers do.
    ``device`` and ``dtype`` None: cuda and bfloat16 where there is a GPU, cpu and float32 elsewhere.
    ``vae_dtype``: what the VAE computes in; scaling of latents and pixels stays float32. bfloat16 takes half the memory and changes
    pixels by less than the compression does (docs/performance.md). ``vae_convolutions``: ``onednn`` makes a small VAE four times as fast
    on a CPU (:mod:`~tpige_kedro.networks.onednn`), with different last bits; it has no effect on a GPU.

    For small cards: ``offload`` (``model``: one part on the GPU at a time; ``group``: transformer and text encoder layer by layer, slow), ``fp8_storage``
    (weights of the transformer in 8 bits, computed in ``dtype``), ``vae_tiling`` (not bit-exact), ``free_text_encoder``
    (loads the text encoder for the prompts of a call, then frees it), ``stream_text_encoder`` (brings it to the GPU layer by layer: 2 GiB at a time
    instead of 10.6), ``batch_size`` 1. For several: ``parallel``.

    ``compile``: compiles the blocks when they first run (a minute; needs a C compiler), which saves a sixth to a fifth of the
    sampling time (docs/performance.md). Each geometry is compiled once. ``compile_vae`` compiles the decoder of the VAE.

    ``attention``: the kernel, see :mod:`~tpige_kedro.video_generators.attention`; ``auto`` is the fastest exact one of this machine.
    ``quantisation: fp8``: linear layers of the blocks in 8 bits, see :mod:`~tpige_kedro.networks.fp8`; compile them too,
    or it is slower than bfloat16. ``cache``: see :class:`Cache`.
    """

    height: SidePixels = 480
    width: SidePixels = 832
    num_frames: Count = 81
    fps: Count = 16
    steps: Count = 50
    batch_size: Count = 1
    max_sequence_length: Count = 512
    negative_prompt: str = ""
    negative_prompt_file: str | None = None
    flow_shift: Annotated[float, Field(gt=0)] | None = None
    sampler: Literal["unipc", "euler", "lcm"] = "unipc"
    sigmas: Literal["diffusers", "reference"] = "diffusers"
    loras: tuple[Lora, ...] = ()
    letterbox: Literal["lanczos", "phantom", "stock"] = "lanczos"
    frame_rounding: Literal["nearest", "truncate"] = "nearest"
    shared_noise: int | None = None
    noise_device: Literal["cpu", "cuda"] = "cpu"
    device: Device | None = None
    dtype: Dtype | None = None
    vae_dtype: Literal["float32", "bfloat16"] = "float32"
    vae_convolutions: Literal["pytorch", "onednn"] = "pytorch"
    offload: Literal["none", "model", "group"] = "none"
    fp8_storage: bool = False
    vae_tiling: bool = False
    free_text_encoder: bool = False
    stream_text_encoder: bool = False
    parallel: Parallel = Parallel()
    compile: bool = False
    compile_vae: bool = False
    attention: Attention = "auto"
    quantisation: Literal["none", "fp8"] = "none"
    cache: Cache | None = None

    @model_validator(mode="after")
    def _frames_fill_latents(self) -> WanOptions:
        if self.num_frames % 4 != 1:
            nearest = max(1, round((self.num_frames - 1) / 4) * 4 + 1)
            raise ValueError(
                f"num_frames: {self.num_frames} is not 4k + 1 (one latent frame holds four); take {nearest}"
            )
        return self

    @model_validator(mode="after")
    def _negative_prompt_can_be_read(self) -> WanOptions:
        text_of(self.negative_prompt, self.negative_prompt_file)
        return self

    @model_validator(mode="after")
    def _levels_of_the_sampler(self) -> WanOptions:
        if self.sampler != "unipc" and self.sigmas == "reference":
            raise ValueError(
                f"sigmas: 'reference' is the table of the paper's sampler, unipc; with sampler: {self.sampler!r} set 'diffusers'"
            )
        return self

    @model_validator(mode="after")
    def _no_two_hooks(self) -> WanOptions:
        if self.offload != "none" and self.parallel != Parallel():
            raise ValueError(f"offload: {self.offload!r} does not work with parallel; set none")
        hooks = {
            f"offload: {self.offload}": self.offload != "none",
            "fp8_storage": self.fp8_storage,
            "parallel.context": self.parallel.context > 1,
            "attention: sage": self.attention == "sage",  # whose package was not written for it
        }
        if self.compile and any(hooks.values()):  # what hangs on the blocks breaks whole graphs
            names = ", ".join(name for name, is_set in hooks.items() if is_set)
            raise ValueError(f"compile: true does not work with {names}")
        return self

    @model_validator(mode="after")
    def _decoder_that_stays_as_it_is(self) -> WanOptions:
        if self.compile_vae and self.vae_tiling:  # each shape of a tile would be compiled
            raise ValueError("compile_vae: true does not work with vae_tiling")
        if self.compile_vae and self.vae_convolutions != "pytorch":
            raise ValueError("compile_vae: true does not work with vae_convolutions: onednn")
        if self.compile_vae and self.offload == "model":
            raise ValueError(
                "compile_vae: true does not work with offload: model, which moves the VAE"
            )
        return self

    @model_validator(mode="after")
    def _one_quantisation(self) -> WanOptions:
        if self.quantisation != "none" and self.fp8_storage:
            raise ValueError(
                f"quantisation: {self.quantisation} does not work with fp8_storage; remove one"
            )
        if self.quantisation != "none" and self.offload == "group":
            raise ValueError(
                f"quantisation: {self.quantisation} does not work with offload: group; take model"
            )
        if self.parallel.context > 1 and self.attention not in ("auto", "native", "cudnn"):
            raise ValueError(
                f"attention: {self.attention} does not work with parallel.context; take auto"
            )
        if self.parallel.context > 1 and self.cache is not None:
            raise ValueError(
                "cache: it does not work with parallel.context, whose ranks see different tokens"
            )
        return self

    @property
    def streams_text(self) -> bool:
        """Whether the text encoder stays in host memory and only its layer at work is on the GPU."""
        return self.stream_text_encoder or self.offload == "group"

    @property
    def latent_frames(self) -> int:
        """Latent frames of the clip, without references."""
        return (self.num_frames - 1) // 4 + 1
