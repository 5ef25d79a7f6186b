"""tinker: Thinking Machines' Tinker, which has no jobs: a training loop of one's own calls its SDK.

Its wire format is not documented, only the SDK is. So data is checked and written here, with a script that trains on
it; the script starts what costs money.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NoReturn

from ..demonstrations import Demonstration
from ..errors import InputError
from ..platform import Availability, Misfit, Order, Quote, Report, Result, common
from ..terms import terms_of
from ._chat import chat, roles

SCRIPT = '''"""LoRA on Tinker over train.jsonl: `pip install tinker tinker-cookbook`, set the key, run this file.

Written for tinker-cookbook as of 2026-08-19. Running it again goes on from its last checkpoint in ./tinker-log.
"""

import asyncio

from tinker_cookbook import model_info
from tinker_cookbook.renderers import TrainOnWhat
from tinker_cookbook.supervised import train
from tinker_cookbook.supervised.data import FromConversationFileBuilder
from tinker_cookbook.supervised.types import ChatDatasetBuilderCommonConfig

MODEL = {model!r}

common = ChatDatasetBuilderCommonConfig(
    model_name_for_tokenizer=MODEL,
    renderer_name=model_info.get_recommended_renderer_name(MODEL),
    max_length=32768,
    batch_size={batch},
    train_on_what=TrainOnWhat.LAST_ASSISTANT_MESSAGE,
)
config = train.Config(
    log_path="tinker-log",
    model_name=MODEL,
    recipe_name="suffice",
    renderer_name=common.renderer_name,
    dataset_builder=FromConversationFileBuilder(common_config=common, file_path="train.jsonl"),
    learning_rate={rate},
    lr_schedule="linear",
    num_epochs={epochs},{rank}
)

if __name__ == "__main__":
    asyncio.run(train.main(config))
'''


@dataclass(frozen=True)
class Tinker:
    """The script reads `TINKER_API_KEY`; nothing here does."""

    starts: ClassVar[bool] = False
    quotes: ClassVar[bool] = False

    def misfits(self, rows: Sequence[Demonstration], order: Order) -> tuple[Misfit, ...]:
        found = common(rows, order, terms_of("tinker"), len(self.data(rows)))
        return (*found, *roles(rows, alternate=False, tools=False))

    def data(self, rows: Sequence[Demonstration]) -> bytes:
        return chat(rows)

    def script(self, order: Order) -> bytes:
        """The Python file that trains on the data beside it."""
        rate = 2e-4 if order.learning_rate is None else order.learning_rate
        rank = "" if order.rank is None else f"\n    lora_rank={order.rank},"
        batch = order.batch or 32
        return SCRIPT.format(model=order.model, batch=batch, rate=rate, epochs=order.epochs, rank=rank).encode()

    def available(self, model: str = "") -> Availability:
        told = "the key is set" if os.environ.get("TINKER_API_KEY") else "TINKER_API_KEY is not set"
        return Availability(None, f"{told}; only the SDK can tell whether training is open")

    def uploaded(self, key: str) -> str | None:
        return _by_script()

    def upload(self, content: bytes, key: str) -> str:
        return _by_script()

    def quote(self, file: str, order: Order) -> Quote | None:
        return None

    def started(self, key: str) -> str | None:
        return _by_script()

    def start(self, file: str, order: Order, key: str) -> str:
        return _by_script()

    def poll(self, job: str) -> Report:
        return _by_script()

    def cancel(self, job: str) -> None:
        _by_script()

    def fetch(self, job: str, folder: Path) -> Result:
        return _by_script()


def _by_script() -> NoReturn:
    raise InputError(
        "Tinker has no jobs: a training loop of one's own calls its SDK",
        hint="`suffice export --for tinker` writes the data and a script that trains on it",
    )
