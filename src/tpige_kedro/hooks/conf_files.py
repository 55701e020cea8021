"""Checks the files of conf one by one if they could not be read, and says which line of which file is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from kedro.utils import find_kedro_project
from yaml.nodes import MappingNode, Node, SequenceNode

from tpige_kedro.hooks.environments import REMOVABLE, readable_layers
from tpige_kedro.nearest import nearest

NULL = "tag:yaml.org,2002:null"

GLOBALS = ("data_root", "samples_root", "sample_list", "verify")
ENDINGS = {".yml", ".yaml", ".json"}
KINDS = ("catalog", "parameters", "credentials", "mlflow", "logging")  # a name may begin so
ALONE = ("globals", "environment")  # read from the file of exactly this name
MERGE = re.compile(rb"^(<{7}|={7}|>{7})( |\r?$)", re.MULTILINE)


def conf_folder(options: Mapping[str, Any]) -> Path:
    """The folder with the environments."""
    given = options.get("conf_source")
    return Path(given or (find_kedro_project(Path.cwd()) or Path.cwd()) / "conf")  # as Kedro does


def read_folders(conf: Path, options: Mapping[str, Any]) -> list[Path]:
    """The folders that a run reads: the base, what its environment extends, and its environment."""
    env = options.get("env")
    return [conf / name for name in readable_layers(conf, str(env) if env else None)]


def conf_files(folders: Sequence[Path]) -> list[Path]:
    """All files that may be configuration."""
    found = [f for folder in folders for f in sorted(folder.rglob("*")) if f.suffix in ENDINGS]
    return [file for file in found if file.is_file()]


def file_problems(folders: Sequence[Path]) -> Iterator[str]:
    """Files that are no YAML or no mapping, and keys that two files of a folder have; each with its line."""
    for folder in folders:
        seen: dict[tuple[str, str], str] = {}
        for file in conf_files([folder]):
            problem, keys = look_at(file)
            if problem:
                yield problem
            kind = re.split(r"[_./]", str(file.relative_to(folder)))[0]
            for key, line in keys.items():
                place = f"{file}:{line}"
                if (kind, key) in seen and not key.startswith("_"):
                    yield f"{place}: {key} is in {seen[kind, key]} as well; keep one of them"
                seen.setdefault((kind, key), place)


def look_at(file: Path) -> tuple[str, dict[str, int]]:
    """What is wrong with a file, with its line; and its top-level keys, each with its line."""
    problem, node = _read(file)
    if problem or node is None:
        return problem, {}
    if not isinstance(node, MappingNode):
        kind = "a list" if isinstance(node, SequenceNode) else "a single value"
        return f"{file}:{node.start_mark.line + 1}: {kind} where keys are expected (key: value)", {}
    keys = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    return "\n".join(f"{file}:{line}: {text}" for line, text in _repeated(node)), keys


def _read(file: Path) -> tuple[str, Node | None]:
    """What is wrong with a file, or what it holds."""
    raw = file.read_bytes()
    if merge := MERGE.search(raw):
        line = raw[: merge.start()].count(b"\n") + 1
        return f"{file}:{line}: a merge was not finished (<<<<<<<, =======, >>>>>>>); keep one side", None  # fmt: skip
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return f"{file}:{line}: this is not UTF-8 text; save the file as UTF-8", None
    try:
        if "!" in text:  # tags that nobody knows
            yaml.load(text, yaml.SafeLoader)
        return "", yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        return f"{file}{_line(error)}: {_said(error, text)}", None
    except ValueError as error:  # a date that is none
        return f"{file}: {error}; put the value in quotes", None


def _repeated(node: Node) -> Iterator[tuple[int, str]]:
    """Keys that a mapping has twice."""
    if isinstance(node, MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in first and key.value != "<<":
                yield line, f"{key.value} is in line {first[key.value]} as well; keep one of them"
            first.setdefault(str(key.value), line)
            yield from _repeated(value)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _repeated(item)


def clashing_kinds(folders: Sequence[Path]) -> Iterator[str]:
    """Keys of an environment that hold a list or a value where what it builds on holds keys."""
    for index, folder in enumerate(folders):
        earlier = [(file, _read(file)[1]) for file in conf_files(folders[:index])]
        for file in conf_files([folder]):
            node = _read(file)[1]
            found: dict[str, str] = {}  # one line for what differs from several folders
            for place, known in earlier:
                for line in _clashes(file, known, node, ""):
                    found.setdefault(line, f"{line}, as in {place.parent.name}/")
            yield from found.values()


def _removes(node: Node, key: str) -> bool:
    """Whether this is the ``null`` by which an environment removes a variant or a model."""
    section, _, name = key.partition(".")
    return node.tag == NULL and section in REMOVABLE and bool(name) and "." not in name


def _clashes(file: Path, base: Node | None, other: Node | None, key: str) -> Iterator[str]:
    if not isinstance(base, MappingNode) or other is None or _removes(other, key):
        return
    if not isinstance(other, MappingNode):
        kind = "a list" if isinstance(other, SequenceNode) else "a single value"
        yield f"{file}:{other.start_mark.line + 1}: {key}: {kind} where keys are expected"
        return
    known = {str(name.value): value for name, value in base.value}
    for name, value in other.value:
        yield from _clashes(file, known.get(str(name.value)), value, f"{key}.{name.value}".lstrip("."))  # fmt: skip


def _line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f":{mark.line + 1}"


def _said(error: yaml.YAMLError, text: str) -> str:
    """YAML's words, and what is usually behind them."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "no YAML")
    context = str(getattr(error, "context", None) or "")
    mark = getattr(error, "problem_mark", None)
    lines = text.splitlines()
    at = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    begun = getattr(error, "context_mark", None)
    if "\t" in at[: len(at) - len(at.lstrip())]:
        return "a tab where spaces are expected; indent with spaces"
    if "quoted scalar" in context and begun is not None:
        return f"the quotes opened in line {begun.line + 1} are not closed; close them"
    if "flow" in context and begun is not None:
        return f"the bracket opened in line {begun.line + 1} is not closed properly ({problem}); close it"
    if "block mapping" in context or "mapping values" in problem or "could not find" in problem:
        return f"{problem}; check the indentation and the colons of this line and the one above"
    if "special characters" in problem or "not allowed" in problem or "cannot start" in problem:
        return f"{problem}; remove it, or put the value in quotes"
    return f"{problem}; correct this line"


def place_of(name: str, key: str, folders: Sequence[Path]) -> str:
    """``file:line`` of an interpolation ``${…name…}``, if there is one in the line of ``key``; empty if there is none."""
    inside = re.compile(rf"\$\{{[^}}]*(?<![\w.]){re.escape(name)}(?!\w)")
    found = [
        (f"{key}:" not in line, f"{file}:{number}")
        for file in conf_files(folders)
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1)
        if inside.search(line)
    ]
    return min(found, key=lambda place: place[0], default=(True, ""))[1]


def global_names(folders: Sequence[Path]) -> list[str]:
    """The keys of ``globals.yml``."""
    return [key for f in conf_files(folders) if f.name == "globals.yml" for key in look_at(f)[1]]


def global_problems(names: Iterable[str]) -> Iterator[str]:
    """Keys of ``globals.yml`` that are nearly ours; others may serve a catalog of the user's own."""
    for name in names:
        if name not in GLOBALS and (meant := nearest(name, GLOBALS)):
            yield f"globals.yml: {name}: unknown key; did you mean {meant}?"


def unread_files(folders: Sequence[Path]) -> Iterator[str]:
    """Files whose names are nearly those of configuration: they would be left out in silence."""
    for folder in folders:
        for file in conf_files([folder]):
            relative, stem = file.relative_to(folder), re.split(r"[_.]", file.name)[0]
            read = any(part.startswith(KINDS) for part in relative.parts)
            meant = nearest(stem, [*KINDS, *ALONE])
            if read or meant is None or str(relative) in {f"{name}.yml" for name in ALONE}:
                continue
            name = f"{meant}.yml" if meant in ALONE else file.name.replace(stem, meant, 1)
            place = f" in {folder}" if meant in ALONE and relative.parent != Path() else ""
            yield f"{file} is never read; did you mean {name}{place}?"
