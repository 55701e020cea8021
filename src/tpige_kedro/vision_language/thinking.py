"""Takes a model's thinking out of its answer.

Servers are meant to send it in a field of its own. Many leave it in the text: as ``<think>…</think>`` (DeepSeek, Qwen), in square
brackets (Magistral), as channels (gpt-oss), or with the closing tag alone, where the chat template wrote the opening one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NAMES = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|seed:think"
OPEN = re.compile(
    rf"<\s*(?:{NAMES})\s*>|\[(?:THINK|THINKING|REASONING)\]|◁think▷|<\|begin_of_thought\|>|<\|START_THINKING\|>|<unused94>(?:thought)?",
    re.IGNORECASE,
)
CLOSE = re.compile(
    rf"<\s*/\s*(?:{NAMES})\s*>|\[/(?:THINK|THINKING|REASONING)\]|◁/think▷|<\|end_of_thought\|>|<\|END_THINKING\|>|<unused95>",
    re.IGNORECASE,
)
CHANNEL = re.compile(
    r"(?:<\|start\|>\s*\w*\s*)?<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>"
)
ENDS = re.compile(r"<\|(?:end|return|call|im_end|eot_id|endoftext|START_RESPONSE|END_RESPONSE|begin_of_solution|end_of_solution|begin_of_box|end_of_box)\|>")  # fmt: skip
WRAPPER = re.compile(
    r"\A\s*<(answer|response|output|result|final|final_answer)>(.*)</\1>\s*\Z",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True)
class Thought:
    """``answer`` is what was said; ``unfinished`` is thinking that never ended, so that nothing was said behind it."""

    answer: str
    unfinished: str = ""


def without_thinking(text: str) -> Thought:
    """The answer in ``text``.

    >>> without_thinking("<think>{brown}?</think> A man.").answer
    'A man.'
    >>> without_thinking("The hair is brown.</think>A man.").answer
    'A man.'
    >>> without_thinking("<think>The hair")
    Thought(answer='', unfinished='The hair')
    """
    text = _final_channel(text)
    said, unfinished = _outside(text)
    said = ENDS.sub("", said).strip()
    wrapped = WRAPPER.match(said)
    return Thought(wrapped[2].strip() if wrapped else said, unfinished.strip())


def has_tags(text: str) -> bool:
    """Whether ``text`` holds what elsewhere is the begin or end of thinking."""
    return any(mark.search(text) for mark in (OPEN, CLOSE, CHANNEL))


def _final_channel(text: str) -> str:
    """What a text in channels says in the last one that is not for thinking; the thinking in tags if there is no other."""
    heads = [*CHANNEL.finditer(text)]
    if not heads:
        return text
    ends = [head.start() for head in heads[1:]] + [len(text)]
    parts = [(h[1].lower(), text[h.end() : end]) for h, end in zip(heads, ends, strict=True)]
    final = [part for name, part in parts if name not in {"analysis", "commentary"}]
    if final:
        return final[-1]
    called = [part for name, part in parts if name == "commentary"]
    return called[-1] if called else f"<think>{parts[-1][1]}"


def _outside(text: str) -> tuple[str, str]:
    """What stands outside of all tags, and what stands behind an opening one that is never closed."""
    said, depth, last, begun = [], 0, 0, 0
    marks = sorted([*OPEN.finditer(text), *CLOSE.finditer(text)], key=lambda mark: mark.start())
    closes = sum(mark.re is CLOSE for mark in marks)
    for mark in marks:
        if mark.re is OPEN:
            if depth == 0:
                said.append(text[last : mark.start()])
                begun = mark.end()
            depth += 1
            continue
        closes -= 1
        if depth == 0:  # the opening tag was not sent: all before it is thinking
            said = []
        # thinking that mentions an opening tag is still closed by the last closing one
        depth = 0 if closes == 0 else max(0, depth - 1)
        last = mark.end()
    if depth:
        return "".join(said), text[begun:]
    return "".join([*said, text[last:]]), ""
