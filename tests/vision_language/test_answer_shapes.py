"""Every shape in which models were seen to answer, for each of the three questions, through a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from chat_server import FACE, completion
from PIL import Image

from services.loopback import Request, response, serving
from tpige_kedro.errors import AnswerError
from tpige_kedro.vision_language.openai_compatible import OpenAICompatible

PHOTO = Image.new("RGB", (64, 64), "brown")
CAPTION = {"caption": 'A "man", café {x}, walks.'}
WRONG = {"caption_old": "no", "hair": 1}
Shape = Callable[
    [str], Any
]  # what the model means to say -> the text or message that the server sends


def message(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, **fields}


SHAPES: dict[str, Shape] = {
    "as it should be": str,
    "spaces": lambda said: f"\n\n  {said}\n ",
    "bom": lambda said: f"\ufeff{said}",
    "zero width": lambda said: f"\u200b{said}\u200b",
    "pretty": lambda said: json.dumps(json.loads(said), indent=2),
    "escaped": lambda said: json.dumps(json.loads(said), ensure_ascii=True),
    "think": lambda said: f"<think>\nIs it {{brown}}? {{\"hair\": 1}}\n</think>\n\n{said}",
    "thinking": lambda said: f"<thinking>Hm.</thinking>{said}",
    "thinking in capitals": lambda said: f"<THINK>Hm.</THINK>{said}",
    "reasoning": lambda said: f"<reasoning>\n{{}}\n</reasoning>\n{said}",
    "thinking with an answer in it": lambda said: f"<think>Maybe {json.dumps({**json.loads(said), 'caption': 'no', 'face_visible': False})}?</think>{said}",
    "thinking about thinking": lambda said: f"<think>I write <think> and then </think> hm</think>{said}",
    "two thoughts": lambda said: f"<think>a</think><think>b</think>{said}",
    "empty thought": lambda said: f"<think>\n\n</think>\n\n{said}",
    "talk, then a thought": lambda said: f"Okay.\n<think>a {{</think>\n{said}",
    "only the closing tag": lambda said: f"The hair is {{brown}}.\n</think>\n{said}",
    "a thought never closed": lambda said: f"<think>Let me see. So:\n{said}",
    "a thought never closed, fenced": lambda said: f"<think>Let me see.\n```json\n{said}\n```",
    "magistral": lambda said: f"[THINK]Hm.[/THINK]{said}",
    "kimi": lambda said: f"◁think▷Hm.◁/think▷{said}",
    "harmony": lambda said: f"<|channel|>analysis<|message|>Is it {{x}}?<|end|><|start|>assistant<|channel|>final<|message|>{said}<|return|>",
    "harmony with a constraint": lambda said: f"<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>{said}",
    "open thoughts": lambda said: f"<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>{said}<|end_of_solution|>",
    "box": lambda said: f"<think>a</think><|begin_of_box|>{said}<|end_of_box|>",
    "answer tags": lambda said: f"<think>a</think><answer>{said}</answer>",
    "fence": lambda said: f"```json\n{said}\n```",
    "bare fence": lambda said: f"```\n{said}\n```",
    "fence in capitals": lambda said: f"```JSON\n{said}\n```",
    "tildes": lambda said: f"~~~json\n{said}\n~~~",
    "four backticks": lambda said: f"````json\n{said}\n````",
    "fence on one line": lambda said: f"```json {said} ```",
    "fence never closed": lambda said: f"```json\n{said}",
    "prose around a fence": lambda said: f"Here you are:\n```json\n{said}\n```\nAnything else?",
    "several fences": lambda said: f"First:\n```json\n{json.dumps(WRONG)}\n```\nBetter:\n```json\n{said}\n```\nUse it with:\n```\nprint()\n```",
    "prose": lambda said: f"Sure {{x}}! The result is {said} as you asked.",
    "draft, then the answer": lambda said: f"{json.dumps(WRONG)}\n\nCorrected: {said}",
    "answer, then a note": lambda said: f"{said}\n\n{json.dumps({'note': 'done'})}",
    "schema repeated": lambda said: f"{json.dumps({'type': 'object', 'required': ['caption']})}\n{said}",
    "json in json": json.dumps,
    "json in json in json": lambda said: json.dumps(json.dumps(said)),
    "json in json in prose": lambda said: f"Answer: {json.dumps(said)}.",
    "list": lambda said: f"[{said}]",
    "wrapped": lambda said: json.dumps({"answer": json.loads(said)}),
    "wrapped as text": lambda said: json.dumps({"answer": said}),
    "call in words": lambda said: f"<tool_call>\n{json.dumps({'name': 'f', 'arguments': json.loads(said)})}\n</tool_call>",
    "trailing comma": lambda said: said[:-1] + ",}",
    "comment": lambda said: said[:-1] + " // as seen\n}",
    "python": lambda said: repr(json.loads(said)),
    "nan": lambda said: said[:-1] + ', "score": NaN, "most": -Infinity}',
    "lone surrogate": lambda said: said[:-1] + ', "x": "\\ud800"}',
    "parts": lambda said: message(content=[{"type": "text", "text": said[:9]}, {"type": "text", "text": said[9:]}]),
    "parts of text objects": lambda said: message(content=[{"type": "output_text", "text": {"value": said}}]),
    "parts with thinking": lambda said: message(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "{}"}]}, {"type": "text", "text": said}]),
    "object": lambda said: message(content=json.loads(said)),
    "tool call": lambda said: message(tool_calls=[{"id": "1", "type": "function", "function": {"name": "f", "arguments": said}}]),
    "tool call, object": lambda said: message(content="", tool_calls=[{"function": {"name": "f", "arguments": json.loads(said)}}]),
    "function call": lambda said: message(function_call={"name": "f", "arguments": said}),
    "reasoning_content": lambda said: message(content=said, reasoning_content="Is it {brown}?"),
    "all in reasoning_content": lambda said: message(content="", reasoning_content=said),
    "all in reasoning": lambda said: message(reasoning=f"Hm.\n{said}"),
}  # fmt: skip


def sent(shaped: Any, **choice: Any) -> bytes:
    whole = completion(None)
    fields = shaped if isinstance(shaped, dict) else message(content=shaped)
    whole["choices"][0] |= {"message": fields, **choice}
    return response(200, json.dumps(whole).encode())


def model(url: str, **options: Any) -> OpenAICompatible:
    quick = {"key_variable": None, "max_wait": 0.01, "retries": 1, "timeout": 20.0}
    return OpenAICompatible(model="m", base_url=f"{url}/v1", **{**quick, **options})


def ask_face(reader: OpenAICompatible) -> Any:
    return reader.read_face(PHOTO)


def ask_caption(reader: OpenAICompatible) -> Any:
    return reader.rewrite_prompt("A man walks.", PHOTO, "Rewrite.")


def ask_text(reader: OpenAICompatible) -> Any:
    return reader.rewrite_prompt("A man walks.", None, "Write.")


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_answers_every_question_at_once(shape: str) -> None:
    def answer(request: Request) -> bytes:
        body = json.loads(request.body)
        asks_face = body["response_format"]["json_schema"]["name"] == "face"
        return sent(SHAPES[shape](json.dumps(FACE if asks_face else CAPTION, ensure_ascii=False)))

    with serving(answer) as server:
        reader = model(server.url)
        face = ask_face(reader)
        assert face.hair.text == "short brown hair" and face.eyes is None
        assert ask_caption(reader) == ask_text(reader) == CAPTION["caption"]
        assert len(server.requests) == 3


PLAIN = [
    "think", "thinking", "two thoughts", "only the closing tag", "magistral", "kimi", "harmony", "answer tags",
    "fence", "tildes", "bom", "reasoning_content", "thinking about thinking",
]  # fmt: skip


@pytest.mark.parametrize("shape", PLAIN)
@pytest.mark.parametrize("caption", ["A man walks.", "A man reads {x} and “y”."])
def test_a_caption_in_plain_text_comes_out_of_its_shape(shape: str, caption: str) -> None:
    with serving(lambda _: sent(SHAPES[shape](caption))) as server:
        assert model(server.url).rewrite_prompt("A man walks.", None, "Rewrite.") == caption


@pytest.mark.parametrize(
    "caption",
    [
        "A sign says <think>.",
        "He types </think> now.",
        "```json",
        "{} <|channel|>",
        '{"caption": 1}',
    ],
)
def test_what_a_caption_says_is_not_taken_for_a_shape(caption: str) -> None:
    with serving(lambda _: sent(json.dumps({"caption": caption}))) as server:
        assert model(server.url).rewrite_prompt(caption, None, "Rewrite.") == caption
        if "think" in caption:
            server.answer = lambda _: sent(caption)
            assert model(server.url).rewrite_prompt(caption, None, "Rewrite.") == caption


THOUGHT = {
    "usage": {"completion_tokens": 700, "completion_tokens_details": {"reasoning_tokens": 690}}
}


@pytest.mark.parametrize("ask", [ask_face, ask_caption, ask_text])
@pytest.mark.parametrize(
    ("fields", "choice", "usage", "words"),
    [
        (message(content=""), {"finish_reason": "length"}, {}, "cut off at max_tokens (700)"),
        (message(content='{"caption": "A m'), {"finish_reason": "length"}, {}, "cut off at max_tokens (700)"),
        (message(content="", reasoning_content="Hm"), {"finish_reason": "length"}, {}, "thinking used up the tokens"),
        (message(content="<think>Hm"), {"finish_reason": "length"}, {}, "thinking used up the tokens"),
        (message(), {"finish_reason": "length"}, THOUGHT, "thinking used up 690 of 700 tokens"),
        (message(content=""), {"finish_reason": "stop"}, THOUGHT, "thinking used up 690 of 700 tokens"),
        (message(content="<think>Hm"), {"finish_reason": "stop"}, {}, "thinking used up the tokens"),
        (message(reasoning="Hm {x}"), {"finish_reason": None}, {}, "thinking used up the tokens"),
        (message(content="  "), {}, {}, "the answer is empty"),
    ],
)  # fmt: skip
def test_an_empty_or_cut_answer_names_its_cause_and_not_the_photo(
    ask: Callable[[OpenAICompatible], Any], fields: Any, choice: Any, usage: Any, words: str
) -> None:
    whole = {**completion(None), **usage}
    whole["choices"][0] |= {"message": fields, **choice}
    body = json.dumps(whole).encode()
    with serving(lambda _: response(200, body)) as server, pytest.raises(AnswerError) as caught:
        ask(model(server.url))
    assert words in str(caught.value) and "photo" not in str(caught.value)
    assert "options.max_tokens" in caught.value.remedy
    if ask is ask_face:
        assert caught.value.remedy in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "choice", "words"),
    [
        (message(refusal="I cannot describe people."), {}, "the model refused: I cannot describe"),
        (message(content=""), {"finish_reason": "content_filter"}, "content filter withheld"),
    ],
)
def test_a_refusal_is_said_as_such(fields: Any, choice: Any, words: str) -> None:
    with serving(lambda _: sent(fields, **choice)) as server:
        with pytest.raises(AnswerError, match=words):
            ask_caption(model(server.url))
        with pytest.raises(AnswerError, match=f"{words}.*another photo"):
            ask_face(model(server.url))
