"""What errors of Kedro, OmegaConf and YAML mean for the user: the file and line, the name that was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException
from kedro.io import DatasetError
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from tpige_kedro.errors import TpigeError, first_line
from tpige_kedro.hooks.conf_files import (
    clashing_kinds,
    conf_folder,
    file_problems,
    global_names,
    place_of,
    read_folders,
)
from tpige_kedro.hooks.dataset_types import dataset_problem
from tpige_kedro.nearest import advice, nearest

FILTERS = {  # options of `kedro run` that name parts of pipelines
    "node_names": "--nodes",
    "from_nodes": "--from-nodes",
    "to_nodes": "--to-nodes",
    "from_inputs": "--from-inputs",
    "to_outputs": "--to-outputs",
    "tags": "--tags",
    "namespaces": "--namespaces",
}


def explained(error: Exception, options: Mapping[str, Any]) -> str | None:
    """The error in the words of the command line and of conf; None if only its traceback helps.

    ``options`` are those of the command, none if it could not be parsed.
    """
    if isinstance(error, TpigeError):
        return str(error)
    if not options and isinstance(error, YAMLError | OmegaConfBaseException):
        return f"--params: a value cannot be read ({_short(error)}); close brackets and quotes"
    conf = conf_folder(options)
    if isinstance(error, DatasetError):
        return dataset_problem(error, read_folders(conf, options))
    return _of_conf_or_command(error, conf, options)


def _of_conf_or_command(error: Exception, conf: Path, options: Mapping[str, Any]) -> str | None:
    """The mistake in the files, else in the names on the command line, else the error's own first line."""
    if isinstance(error, MissingConfigException):
        return _missing_conf(error, conf, options)
    if not _raised_by(error, "kedro", "yaml", "omegaconf"):
        return None
    folders = read_folders(conf, options)
    problems = [*file_problems(folders), *clashing_kinds(folders)]
    if not problems and isinstance(error, OmegaConfBaseException):
        return _interpolation(error, folders)
    problems = problems or [*unknown_names(options)]
    if problems or isinstance(error, ValueError | AttributeError | YAMLError):
        return "\n".join(problems) or _short(error)
    return None


def _short(error: Exception) -> str:
    """The message in one line, without YAML's drawings."""
    problem = getattr(error, "problem", None)
    return str(problem or first_line(error))


def _raised_by(error: Exception, *packages: str) -> bool:
    """Whether the code that raised belongs to one of the ``packages``."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] in packages


def _missing_conf(error: Exception, conf: Path, options: Mapping[str, Any]) -> str:
    env = options.get("env") or "local"
    if not conf.is_dir():
        return f"{conf} is not a directory; run this in the project's folder, or set --conf-source to the folder with base/"
    if not (conf / "base").is_dir():
        return f"{conf} lacks the directory base/, which every environment builds on; set --conf-source to a directory that has it"
    if not (conf / str(env)).is_dir():
        known = [folder.name for folder in conf.iterdir() if folder.is_dir()]
        if options.get("env"):
            return f"--env={env}: {conf / env} does not exist; {advice(env, known)}"
        return (
            f"{conf / env} is missing; make it (it may be empty), or name an environment with --env"
        )
    pattern = re.search(r"'(\w+)\*'", str(error))
    name = f"{pattern[1]}*.yml" if pattern else "configuration file"
    return f"no {name} in {conf / 'base'} or {conf / env}; restore it"


def _interpolation(error: OmegaConfBaseException, folders: Sequence[Path]) -> str:
    """An interpolation ``${…}`` that leads nowhere, and where it stands."""
    message, key = first_line(error).rstrip("."), getattr(error, "full_key", None)
    wanted = re.search(r"key '([^']+)'|parameter '([^']+)'|type ([\w.]+)", message)
    name = next((group for group in wanted.groups() if group), "") if wanted else ""
    place = place_of(name, str(key).rpartition(".")[2], folders) if name else ""
    where = ": ".join(filter(None, [place, key]))
    return f"{where + ': ' if where else ''}{message}; {_remedy(message, name, folders)}"


def _remedy(message: str, name: str, folders: Sequence[Path]) -> str:
    if name == "oc.env":
        return (
            "parameters cannot read environment variables; write the value, or set it with --params"
        )
    if "Globals key" in message:
        return f"{advice(name, global_names(folders))} (globals.yml)"
    if "Runtime parameter" in message:
        return f"give it with --params={name}=…, or write a default: ${{runtime_params:{name}, …}}"
    if "interpolation type" in message:
        return advice(name, ["globals", "runtime_params"])
    return "name a key that is in the same configuration, or write the value"


def unknown_names(options: Mapping[str, Any]) -> Iterator[str]:
    """Names of pipelines, nodes, tags, datasets and namespaces on the command line that do not exist."""
    from kedro.framework.project import pipelines

    pipelines.set_requested(None)
    asked = [*(options.get("pipelines") or ()), *filter(None, [options.get("pipeline")])]
    for name in asked:
        if name not in pipelines:
            option = "--pipeline" if name == options.get("pipeline") else "--pipelines"
            shown = [known for known in pipelines if known != "__default__"]
            yield f"{option}: no pipeline {name!r}; {advice(name, shown)}"
    chosen = [pipelines[name] for name in asked or ["__default__"] if name in pipelines]
    nodes = [node for pipeline in chosen for node in pipeline.nodes]
    known = {
        "tags": {tag for node in nodes for tag in node.tags},
        "from_inputs": {name for node in nodes for name in node.inputs},
        "to_outputs": {name for node in nodes for name in node.outputs},
        "namespaces": {
            ".".join(parts[: i + 1])
            for node in nodes
            if node.namespace
            for parts in [node.namespace.split(".")]
            for i in range(len(parts))
        },
    }
    names = {node.name for node in nodes}
    for key, option in FILTERS.items():
        there = known.get(key, names)
        for name in options.get(key) or ():
            if nodes and name not in there:
                what = {"tags": "tag", "namespaces": "namespace"}.get(key, "node")
                what = "dataset" if key in {"from_inputs", "to_outputs"} else what
                meant = advice(name, there) if key != "namespaces" else _namespace(name, there)
                yield f"{option}: no {what} {name!r} in {_pipelines(asked)}; {meant}"


def _namespace(name: str, there: set[str]) -> str:
    """The advice for a namespace, of which people write the last part."""
    by_last = {full.rpartition(".")[2]: full for full in there}
    found = nearest(name.rpartition(".")[2], by_last)
    return f"did you mean {by_last[found]}?" if found else advice(name, there)


def _pipelines(asked: list[str]) -> str:
    return f"pipeline {', '.join(asked)}" if asked else "the full pipeline"
