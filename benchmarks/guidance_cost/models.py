"""The published VACE architectures with random weights, and one clip's worth of random inputs: what benchmarks/guidance_cost/run.py times."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers import UniPCMultistepScheduler, WanVACETransformer3DModel
from diffusers.models.transformers.transformer_wan import WanRotaryPosEmbed
from diffusers.modular_pipelines.modular_pipeline import BlockState

from tpige_kedro.guidance.skipping import hint_scale
from tpige_kedro.guidance.weak_branch import plain_twin, weak_control
from tpige_kedro.rehearsal.layouts.wan import SIZES, TINY, WanSize, transformer
from tpige_kedro.rehearsal.values import TensorSpec, constant_of, deviation
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.wan_timesteps import reference_sigmas, with_shift
from tpige_kedro.weights.diffusers_models import precision

REFERENCES = 1


@dataclass(frozen=True)
class Architecture:
    """A VACE transformer in one of the rehearsal's sizes and the clip it makes; the defaults are what both published sizes share."""

    name: str
    size: WanSize
    reuse: int  # reuse_every under which `t2v` is to stay below 1.10 x CFG
    text_length: int = 512
    height: int = 480
    width: int = 832
    num_frames: int = 81

    @property
    def frame(self) -> tuple[int, int]:
        """Height and width of a latent frame."""
        return self.height // 8, self.width // 8

    @property
    def latent_frames(self) -> int:
        return (self.num_frames - 1) // 4 + 1

    @property
    def tokens(self) -> int:
        height, width = self.frame
        return (self.latent_frames + REFERENCES) * (height // 2) * (width // 2)


ARCHITECTURES = {
    a.name: a
    for a in (
        Architecture("1.3b", SIZES["1.3b"], reuse=4),
        Architecture("14b", SIZES["14b"], reuse=5),
        Architecture("tiny", TINY["1.3b"], reuse=4, text_length=12, height=32, width=48, num_frames=9),
    )
}  # fmt: skip


def random_transformer(
    architecture: Architecture, device: torch.device, dtype: torch.dtype
) -> WanVACETransformer3DModel:
    """The transformer with random weights made on ``device``: no file, no copy in the memory of the host."""
    model = transformer(architecture.size, vace=True)
    precision_of = precision(WanVACETransformer3DModel, dtype)
    for name, parameter in model.named_parameters():
        parameter.data = parameter.data.to(precision_of(name))
    model = model.to_empty(device=device)
    model.rope = WanRotaryPosEmbed(  # its tables are computed, not loaded: on meta they were lost
        architecture.size.head_dim, model.config.patch_size, model.config.rope_max_seq_len
    ).to(device)
    for name, parameter in model.named_parameters():
        spec = TensorSpec(tuple(parameter.shape), parameter.dtype)
        constant = constant_of(name, spec)
        if constant is None:
            parameter.data.normal_(std=deviation(spec))
        else:
            parameter.data.fill_(constant)
    return model.eval().requires_grad_(False)


class Workload:
    """A transformer, its plain twin and the inputs of one clip, handed to the product's own denoiser."""

    def __init__(
        self, architecture: Architecture, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.architecture, self.device, self.dtype = architecture, device, dtype
        torch.manual_seed(0)
        self.transformer = random_transformer(architecture, device, dtype)
        self.twin = plain_twin(self.transformer)
        self.warm: set[tuple[str, ...]] = set()  # what has run before, see Row.warms
        self.split_branches = False  # over the ranks of a process group
        self._compiled = False
        layers = list(self.transformer.config.vace_layers)
        self.scale, self.vace_layers = torch.ones(len(layers)), layers
        frames, (height, width) = architecture.latent_frames, architecture.frame
        self.latents = torch.randn(1, 16, frames + REFERENCES, height, width, device=device)
        self.latents_made = self.latents  # what the last steps have made of them
        text = (1, architecture.text_length, architecture.size.text_dim)
        self.prompt, self.negative = (
            torch.randn(text, device=device, dtype=dtype) for _ in range(2)
        )
        self.control = torch.randn(
            1, 96, frames + REFERENCES, height, width, device=device, dtype=dtype
        )
        self.blank = torch.randn(1, 16, 1, height, width, device=device, dtype=dtype)

    def prepare(self, mode: str, backend: str, compiler: str) -> None:
        """Set the attention backend, and let the blocks run compiled or eager. Raises if the machine lacks one of them."""
        self.transformer.set_attention_backend(backend)
        torch.compiler.set_stance("default" if mode == "compiled" else "force_eager")
        if mode == "compiled" and not self._compiled:
            # static: the twin sees one frame less, which must not turn its kernels into dynamic ones
            self.transformer.compile_repeated_blocks(
                fullgraph=True, dynamic=False, backend=compiler
            )
            self._compiled = True

    def state(self, guidance: Guidance, steps: int) -> BlockState:
        """What ``VaceDenoiser`` reads, made as :class:`~tpige_kedro.video_generators.wan_vace.WanVace` makes it."""
        plain = guidance.weak_branch == "t2v"
        weak_scale = hint_scale(self.scale, self.vace_layers, guidance.skip_layers)
        return BlockState(
            latents=self.latents.clone(),
            dtype=self.dtype,
            num_inference_steps=steps,
            prompt_embeds=self.prompt,
            negative_prompt_embeds=self.negative,
            control=self.control,
            control_weak=weak_control(guidance.weak_branch, self.control, REFERENCES, self.blank),
            hint_scale=self.scale.to(self.device),
            hint_scale_weak=None if plain else weak_scale.to(self.device),
            weak_transformer=self.twin if plain else None,
            num_reference_images=REFERENCES,
            split_branches=self.split_branches,
            block_cache=None,
        )

    def scheduler(self, steps: int) -> UniPCMultistepScheduler:
        """UniPC at the paper's shift on the authors' noise levels."""
        scheduler = with_shift(UniPCMultistepScheduler(), 16.0)
        scheduler.set_timesteps(sigmas=reference_sigmas(steps), device=self.device)
        return scheduler

    @torch.no_grad()
    def forward(self) -> torch.Tensor:
        """One forward of the conditional branch."""
        output: torch.Tensor = self.transformer(
            hidden_states=self.latents.to(self.dtype),
            timestep=torch.tensor([976], device=self.device),
            encoder_hidden_states=self.prompt,
            control_hidden_states=self.control,
            control_hidden_states_scale=self.scale.to(self.device, self.dtype),
            return_dict=False,
        )[0]
        return output
