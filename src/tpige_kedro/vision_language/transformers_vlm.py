"""A vision-language model on this machine, from a hub id or a folder in the layout of the hub (Qwen2.5-VL, for one)."""

from __future__ import annotations

import time
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tpige_kedro.errors import AnswerError, ModelError
from tpige_kedro.option_types import Count, Device, Dtype
from tpige_kedro.vision_language.answers import MORE_TOKENS
from tpige_kedro.vision_language.chat import ChatModel, Question
from tpige_kedro.vision_language.pictures import downscaled
from tpige_kedro.vision_language.usage import Usage, meter
from tpige_kedro.weights.fetch import fetched
from tpige_kedro.weights.parts import files_of

LANGUAGE_LAYERS = ("model.language_model.layers.",)  # nearly all weights of such a model


class TransformersVlm(ChatModel):
    """Runs a model of transformers' image-text-to-text family with greedy decoding.

    Nothing leaves the machine. The prompt describes the schema of an answer, so wrong answers are more frequent than with a service that
    has structured output; they are retried like any other.

    Args:
        source: folder or hub id, with processor and chat template.
        revision: pins a hub id.
        dtype: of the weights.
        device: where it runs; None for the GPU if there is one.
        max_tokens: of an answer.
        max_side: pixels of the picture's longer side.
        gpu_gib: GiB of weights that may be on the GPU; the rest stays in host memory, which makes answers slow. None: no limit.
        quantisation: ``fp8`` keeps the linear layers of the language model in 8 bits, which halves their memory and may change answers.
    """

    version: ClassVar[int] = 1  # raise it when a question or its answer is put or read otherwise
    files: ClassVar[dict[str, tuple[str, ...]]] = {
        "source": ("*.json", "*.txt|", "*.jinja|", "*.safetensors")
    }
    service = False

    def __init__(
        self,
        source: str,
        revision: str | None = None,
        dtype: Dtype = "bfloat16",
        device: Device | None = None,
        max_tokens: Count = 700,
        max_side: Count = 768,
        gpu_gib: Annotated[float, Field(gt=0)] | None = None,
        quantisation: Literal["none", "fp8"] = "none",
    ) -> None:
        import torch
        from transformers import AutoModelForImageTextToText

        from tpige_kedro.networks.devices import pick_device, spread
        from tpige_kedro.vision_language.picture_processor import load_processor
        from tpige_kedro.weights.transformers_models import load_network

        self.name = source
        self.max_tokens = max_tokens
        self.max_side = max_side
        self.device = pick_device(device)
        folder = fetched(source, revision, files_of(self.files, "source", {}))
        self.processor = load_processor(folder)
        if quantisation != "none" and gpu_gib is not None:
            raise ModelError("quantisation: fp8 does not work with gpu_gib; remove one")
        first = self.device if gpu_gib is None and quantisation == "none" else "cpu"
        network = load_network(AutoModelForImageTextToText, folder, getattr(torch, dtype), first)
        if quantisation == "fp8":
            shrink(network, self.device)
        self.network = network if gpu_gib is None else spread(network, self.device, gpu_gib)

    def answer(self, question: Question) -> str:
        """The answer; raises ``AnswerError`` if it is empty or not finished within ``max_tokens``."""
        import torch

        inputs = self._inputs(question)
        asked = inputs["input_ids"].shape[1]
        started = time.perf_counter()
        with torch.inference_mode():
            tokens = self.network.generate(
                **inputs,
                max_new_tokens=self.max_tokens,
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
            )[0, asked:]
        cost = Usage(1, 1, int(asked), len(tokens), time.perf_counter() - started)
        meter(self.name, cost)
        text = str(self.processor.decode(tokens, skip_special_tokens=True)).strip()
        if not text:
            raise AnswerError("the answer is empty")
        if len(tokens) == self.max_tokens and int(tokens[-1]) not in self._ends():
            raise AnswerError(
                f"the answer was cut off at max_tokens ({self.max_tokens})", MORE_TOKENS
            )
        return text

    def _inputs(self, question: Question) -> Any:
        """The conversation as the processor lays it out: token ids, and the picture as patches."""
        content: list[dict[str, Any]] = [{"type": "text", "text": question.material}]
        if question.picture is not None:
            picture = downscaled(question.picture, self.max_side)
            content.insert(0, {"type": "image", "image": picture})
        told = f"{question.instruction}\n\n{question.form.in_words()}"
        conversation = [
            {"role": "system", "content": [{"type": "text", "text": told}]},
            {"role": "user", "content": content},
        ]
        inputs = self.processor.apply_chat_template(
            conversation,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
        return inputs.to(self.device, dtype=self.network.dtype)

    def _ends(self) -> set[int]:
        ends = self.network.generation_config.eos_token_id
        return set(ends) if isinstance(ends, list) else {ends}


def shrink(network: Any, device: Any) -> None:
    """Bring ``network`` to ``device`` with the linear layers of its language part in 8 bits.

    Raises:
        ModelError: it has no such layers, and would be as large as before.
    """
    from tpige_kedro.networks.fp8 import computes_in_fp8, quantise

    if not quantise(network, device, computes_in_fp8(device), LANGUAGE_LAYERS):
        raise ModelError(
            f"quantisation: fp8: {type(network).__name__} has no linear layers under {', '.join(LANGUAGE_LAYERS)}; remove the option"
        )
    network.to(device)
