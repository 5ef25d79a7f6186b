"""peft: an adapter as PEFT loads it, adapter_model.safetensors with its configuration and a model card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ..adapter import Adapter
from ..artifacts import write_whole
from ..model import Model
from ..secrets import masked
from ..types import Json


@dataclass(frozen=True)
class Peft:
    """A folder for `PeftModel.from_pretrained(base, folder)`, and for servers that load such: vLLM, TGI."""

    def export(self, adapter: Path, model: Model, out: Path) -> list[Path]:
        """The tensors as they are, what PEFT must know of them, and the card in words."""
        found = Adapter.read(adapter)
        files = {
            "adapter_model.safetensors": adapter.read_bytes(),
            "adapter_config.json": json.dumps(_configuration(found), indent=2).encode(),
            "README.md": _card(found.card).encode(),
        }
        for name, content in files.items():
            write_whole(out / name, content)
        return [out / name for name in files]


def _configuration(adapter: Adapter) -> dict[str, Json]:
    modules = sorted({module.rpartition(".")[2] for module in adapter.pairs()})
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": _name(adapter.card),
        "r": adapter.rank,
        "lora_alpha": adapter.card["lora_alpha"],
        "use_rslora": adapter.card.get("use_rslora") is True,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "target_modules": modules,
    }


def _name(card: Mapping[str, Json]) -> str:
    """What the base is called, on one line: the card may be a stranger's."""
    base = card.get("base")
    told = str(base.get("name", "")) if isinstance(base, Mapping) else ""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in told).split())


def _card(card: Mapping[str, Json]) -> str:
    """A model card: what it was trained on and with, and how it did, as the trainer wrote it, without secrets."""
    named = json.dumps(_name(card)).replace("<", "\\u003c")
    front = f"---\nbase_model: {named}\nlibrary_name: peft\ntags: [lora]\n---\n\n"
    told = {
        key: value for key, value in card.items() if key in ("kind", "base", "data", "recipe", "versions", "metrics")
    }
    parts = [f"## {key.title()}\n\n```json\n{json.dumps(value, indent=2)}\n```\n" for key, value in told.items()]
    shown = escape(_name(card), quote=False).replace("`", "'")
    return masked(f"{front}# An adapter for `{shown}`\n\nIt fits those weights and no others.\n\n" + "\n".join(parts))
