"""The weights of a GGUF in the form that transformers loads: config.json, model.safetensors, tokenizer.json.

A child process converts: its memory goes back when it ends, its libraries say nothing on this terminal, and a file that
nobody vouches for cannot take this process down.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from ..errors import InputError, MissingExtra

QUIET = {"TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_TELEMETRY": "1"}


def to_transformers(gguf: Path, folder: Path) -> Path:
    """Write the weights of `gguf` into `folder`, whole or not at all; a folder that is there is taken as it is.

    The numbers are the dequantised ones in 32 bits: bfloat16 would halve the file, and move weights by up to 0.3 %.
    Raises InputError where transformers cannot read this architecture, MissingExtra where it is not installed.
    """
    if (folder / "config.json").is_file():
        return folder
    if missing := next((name for name in ("torch", "transformers") if find_spec(name) is None), None):
        raise MissingExtra(f"training needs the library `{missing}`", hint="pip install 'suffice[train]'")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        made = Path(scratch) / "made"
        _convert_apart(gguf, made)
        try:
            made.replace(folder)
        except OSError:
            if not (folder / "config.json").is_file():  # unless another process was first
                raise
    return folder


def _convert_apart(gguf: Path, folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-m", __name__, str(gguf.resolve()), str(folder)],
        env={**os.environ, **QUIET},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise InputError(
            f"transformers cannot read this model: {said[-1] if said else f'it ended with {done.returncode}'}",
            file=str(gguf),
            hint="train on a model whose architecture transformers reads from GGUF",
        )


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"gguf_file": gguf.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), **where)
    model = AutoModelForCausalLM.from_pretrained(str(gguf.parent), dtype=torch.float32, **where)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


if __name__ == "__main__":
    _convert(Path(sys.argv[1]), Path(sys.argv[2]))
