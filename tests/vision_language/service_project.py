"""The small project with a reader behind HTTP, and people in it."""

from __future__ import annotations

import colorsys
from typing import Any

from chat_server import ChatServer
from PIL import Image

from project import Project, row

KEY = "sk-test-0123456789-secret"
NOUNS = ("man", "chef", "astronaut", "dancer", "king")


def ask(project: Project, server: ChatServer, mode: str = "rewrite", **options: Any) -> None:
    """Let the project's reader be the server; patient, so that no answer is late because the machine is busy."""
    quick = {"timeout": 30.0, "max_wait": 0.1, "concurrency": 8, **options}
    reader = {
        "type": "tpige_kedro.vision_language.openai_compatible.OpenAICompatible",
        "licence": "none",
        "source": None,
        "needs": ["OPENAI_API_KEY"],
        "options": {"model": "test-model", "base_url": server.url, **quick},
    }
    project.configure(
        models={"reader": reader}, prompt_enhancement={"reader": "reader", "mode": mode}
    )


def people(project: Project, persons: int, prompts: int) -> list[dict[str, str]]:
    """Samples whose persons have pictures of different colours."""
    rows = []
    (project.samples / "references").mkdir(parents=True, exist_ok=True)
    for person in range(persons):
        colour = tuple(int(255 * c) for c in colorsys.hsv_to_rgb(person / persons, 1, 1))
        picture = project.samples / "references" / f"p{person}.png"
        Image.new("RGB", (32, 32), colour).save(picture)  # type: ignore[arg-type]
        for prompt in range(prompts):
            noun = NOUNS[(person + prompt) % len(NOUNS)]
            text = f"The {noun} of scene {person * prompts + prompt} walks; nobody else is there."
            rows.append(
                row(
                    person * prompts + prompt,
                    person_id=f"p{person}",
                    prompt=text,
                    reference=f"p{person}.png",
                )
            )
    project.write_samples(rows)
    return rows
