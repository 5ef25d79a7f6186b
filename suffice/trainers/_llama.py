"""A LoRA learned over a Llama, its way forward and back written out: all in bfloat16, nothing kept twice.

Why not autograd: PEFT turns every activation into 32 bits and back for its adapters, each norm, rotation and gate is
five passes over memory, and the gradients of frozen matrices are planned for. Here matrices with one input are one
product, norms' factors are part of them, and the low-rank parts ride along as extra columns. Loss and gradients are
those of transformers with PEFT: tests hold them side by side in 32 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _attention
from ._attention import Grid, Heads, Seen
from ._batches import Batch
from ._learner import Reading, Weigh, all_right, flat_targets
from ._lowrank import LowRank, name_a, name_b, start
from ._room import Room

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 64
"""Target tokens whose logits are worked out together: few, so that their memory is used again, not asked for anew."""

EVEN = 64
"""Batches are filled up to multiples of so many tokens: the products' code is made anew for every other number."""


def fits(config: Any) -> bool:
    """Whether a model is a plain Llama: no biases, SiLU, all layers alike."""
    plain = not getattr(config, "attention_bias", False) and not getattr(config, "mlp_bias", False)
    return config.model_type == "llama" and plain and config.hidden_act == "silu"


@dataclass(frozen=True, slots=True)
class Part:
    """A module's share of a joint product: its rows of the matrix, its columns of the low-rank part (or none)."""

    module: str
    rows: slice
    columns: slice | None


class Joint:
    """Matrices with the same input as one product, their low-rank parts with them: y = [x, x Aᵀ] [W, s B]ᵀ.

    `factor` is that of the norm before it, which the matrices take up.
    """

    def __init__(self, matrices: Mapping[str, Tensor], factor: Tensor | None, low: LowRank, like: Tensor) -> None:
        import torch

        self.parts, self.scale, self.factor = _parts(matrices, low), low.scale, factor
        self.inputs = next(iter(matrices.values())).shape[1]
        self.outputs = sum(m.shape[0] for m in matrices.values())
        self.rank = low.rank * sum(part.columns is not None for part in self.parts)
        self.wide = like.new_zeros(self.outputs, self.inputs + self.rank)
        self.down = like.new_zeros(self.rank, self.inputs)
        whole = torch.cat([m.float() for m in matrices.values()])
        self.wide[:, : self.inputs] = whole if factor is None else whole * factor

    def refresh(self, weights: Mapping[str, Tensor]) -> None:
        """Take up the low-rank parts."""
        for part in self._tuned():
            a, b = weights[name_a(part.module)], weights[name_b(part.module)]
            self.down[part.columns] = a if self.factor is None else a * self.factor
            self.wide[part.rows, self.inputs :][:, part.columns] = b * self.scale

    def slot(self, room: Room, tokens: int) -> Tensor:
        """Room for an input; whoever makes it writes into the first `inputs` columns."""
        return room.take(tokens, self.inputs + self.rank)

    def forward(self, slot: Tensor, out: Tensor | None = None) -> Tensor:
        """The outputs side by side; the slot is filled up, and needed on the way back."""
        import torch

        self.fill(slot)
        return torch.mm(slot, self.wide.T, out=out)

    def fill(self, slot: Tensor) -> None:
        """Work out the low-rank columns of a slot."""
        if self.rank:
            slot[:, self.inputs :] = slot[:, : self.inputs] @ self.down.T

    def backward(self, dy: Tensor, slot: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """The gradient of the input; those of the low-rank parts are added to the weights'."""
        both = dy @ self.wide
        dx, du = both[:, : self.inputs], both[:, self.inputs :]
        if self.rank:
            da = du.T @ slot[:, : self.inputs]
            for part in self._tuned():
                ga = da[part.columns]
                weights[name_a(part.module)].grad.add_(ga if self.factor is None else ga * self.factor)
                db = dy[:, part.rows].T @ slot[:, self.inputs :][:, part.columns]
                weights[name_b(part.module)].grad.add_(db, alpha=self.scale)
            dx.addmm_(du, self.down)
        return dx

    def _tuned(self) -> Iterable[Any]:
        return (part for part in self.parts if part.columns is not None)


def _parts(matrices: Mapping[str, Tensor], low: LowRank) -> tuple[Part, ...]:
    found, row, column = list[Part](), 0, 0
    for module, matrix in matrices.items():
        tuned = module.rpartition(".")[2] in low.targets
        columns = slice(column, column + low.rank) if tuned else None
        found.append(Part(module, slice(row, row + matrix.shape[0]), columns))
        row, column = row + matrix.shape[0], column + low.rank * tuned
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the way back through a layer needs."""

    scales: tuple[Tensor, Tensor]
    """What each token's numbers were multiplied by in the two norms."""
    slots: tuple[Tensor, Tensor, Tensor]
    """The inputs of queries, of the output of attention, and of the gate."""
    seen: Seen
    gates: Tensor


class Layer:
    """One decoder layer."""

    def __init__(self, at: str, tensors: Any, low: LowRank, heads: Heads, eps: float, like: Tensor) -> None:
        def joint(names: Sequence[str], factor: str | None) -> Joint:
            found = {f"{at}.{name}": tensors(f"{at}.{name}.weight") for name in names}
            norm = None if factor is None else tensors(f"{at}.{factor}.weight").float().to(like.device)
            return Joint(found, norm, low, like)

        self.heads, self.eps, self._room = heads, eps, Room(like)
        self.qkv = joint([f"self_attn.{n}_proj" for n in "qkv"], "input_layernorm")
        self.out = joint(["self_attn.o_proj"], None)
        self.gate = joint(["mlp.gate_proj", "mlp.up_proj"], "post_attention_layernorm")
        self.down = joint(["mlp.down_proj"], None)

    @property
    def joints(self) -> tuple[Joint, ...]:
        return self.qkv, self.out, self.gate, self.down

    def forward(self, h: Tensor, grid: Grid) -> Kept:
        """Change `h` in place."""
        import torch
        from torch.nn.functional import silu

        self._room.begin()
        first, taken, second = (j.slot(self._room, len(h)) for j in (self.qkv, self.out, self.gate))
        one = self._norm(h, first)
        seen = _attention.forward(self.qkv.forward(first), taken, self.heads, grid, self._room)
        h += self.out.forward(taken)
        two = self._norm(h, second)
        gates = self.gate.forward(second, self._room.take(len(h), self.gate.outputs))
        inner = self.down.inputs
        slot = self.down.wide.new_empty(h.shape[0], inner + self.down.rank)
        torch.mul(silu(gates[:, :inner]), gates[:, inner:], out=slot[:, :inner])
        h += self.down.forward(slot)
        return Kept((one, two), (first, taken, second), seen, gates)

    def backward(self, dh: Tensor, kept: Kept, grid: Grid, weights: Mapping[str, Tensor]) -> None:
        """Change `dh`, the gradient of what the layer gave, in place to that of what it was given."""
        import torch
        from torch.nn.functional import silu

        inner, first, (before, taken, second) = self.down.inputs, kept.scales[0], kept.slots
        g, u = kept.gates[:, :inner], kept.gates[:, inner:]
        opened, dgates = silu(g), torch.empty_like(kept.gates)
        slot = self.down.wide.new_empty(dh.shape[0], inner + self.down.rank)
        torch.mul(opened, u, out=slot[:, :inner])
        self.down.fill(slot)
        d = self.down.backward(dh, slot, weights)
        torch.mul(d, opened, out=dgates[:, inner:])
        torch.ops.aten.silu_backward.grad_input(d.mul_(u), g, grad_input=dgates[:, :inner])
        self._norm_back(dh, self.gate.backward(dgates, second, weights), second, kept.scales[1])
        d = self.out.backward(dh, taken, weights)
        dy = _attention.backward(d, kept.seen, self.heads, grid)
        self._norm_back(dh, self.qkv.backward(dy, before, weights), before, first)

    def _norm(self, h: Tensor, slot: Tensor) -> Tensor:
        """Write the numbers of each token, brought to a mean square of 1, into the slot; return by what."""
        import torch

        length = torch.linalg.vector_norm(h, dim=-1, keepdim=True, dtype=torch.float32)
        scale = (length.square_().div_(h.shape[1]).add_(self.eps)).rsqrt_().to(h.dtype)
        torch.mul(h, scale, out=slot[:, : h.shape[1]])
        return scale

    @staticmethod
    def _norm_back(dh: Tensor, dx: Tensor, slot: Tensor, scale: Tensor) -> None:
        """Add to `dh` what comes back through a norm whose output got the gradient `dx`."""
        x = slot[:, : dh.shape[1]]
        share = (dx * x).sum(-1, keepdim=True).div_(dh.shape[1])
        dh.addcmul_(dx.addcmul_(x, share, value=-1), scale)


class Llama:
    """A Llama with the low-rank changes that are learned."""

    by = "suffice"

    def __init__(self, folder: Path, low: LowRank, seed: int, *, dtype: Any, device: str = "cpu") -> None:
        import torch
        from transformers import AutoConfig
        from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

        config = AutoConfig.from_pretrained(str(folder), local_files_only=True)
        read, like = tensors_in(folder), torch.empty(0, dtype=dtype, device=device)
        self.dtype = str(dtype).removeprefix("torch.")
        self._heads = Heads(config.num_attention_heads, config.num_key_value_heads, _head_size(config))
        self._eps, self._rotary, self._like = config.rms_norm_eps, LlamaRotaryEmbedding(config), like
        self._embed = read("model.embed_tokens.weight").to(like)
        self._unembed = self._embed if config.tie_word_embeddings else read("lm_head.weight").to(like)
        self._factor = read("model.norm.weight").float().to(device)
        self._layers = [
            Layer(f"model.layers.{n}", read, low, self._heads, self._eps, like) for n in range(config.num_hidden_layers)
        ]
        shapes = {
            part.module: (part.rows.stop - part.rows.start, joint.inputs)
            for layer in self._layers
            for joint in layer.joints
            for part in joint.parts
            if part.columns is not None
        }
        self.weights = {name: tensor.to(device) for name, tensor in start(shapes, low, seed).items()}
        for tensor in self.weights.values():
            tensor.grad = torch.zeros_like(tensor)
        self._mask = lru_cache(maxsize=16)(self._masked)
        self.refresh()

    def refresh(self) -> None:
        """Take up weights that were changed."""
        for layer in self._layers:
            for joint in layer.joints:
                joint.refresh(self.weights)

    def judge(self, batch: Batch) -> Reading:
        """Read a batch and learn nothing."""
        import torch

        with torch.no_grad():
            h, grid = self._begin(batch)
            for layer in self._layers:
                layer.forward(h, grid)
            head = self._head(batch, h)
            return Reading(head.nll, all_right(batch, head.hits()))

    def learn(self, batch: Batch, weigh: Weigh) -> Reading:
        """Read a batch and add to the gradients."""
        import torch

        with torch.no_grad():
            h, grid = self._begin(batch)
            kept = [layer.forward(h, grid) for layer in self._layers]
            head = self._head(batch, h)
            dh = head.backward(weigh(head.nll), h)
            for layer in reversed(self._layers):
                layer.backward(dh, kept.pop(), grid, self.weights)
            return Reading(head.nll)

    def _begin(self, batch: Batch) -> tuple[Tensor, Grid]:
        import torch

        first, length = batch.rows[0].tokens[: batch.prefix], batch.length
        flat = list(first)
        for row in batch.rows:
            own = row.tokens[batch.prefix :]
            flat += (*own, *(0,) * (length - len(own)))
        flat += (0,) * (-len(flat) % EVEN)
        turns = self._turns(batch.prefix + length)
        scaled = (turns[0] * self._heads.size**-0.5, turns[1] * self._heads.size**-0.5)
        grid = Grid(batch.prefix, len(batch.rows), length, turns, scaled, self._mask)
        return self._embed[torch.tensor(flat, device=self._like.device)], grid

    def _turns(self, positions: int) -> tuple[Tensor, Tensor]:
        import torch

        cos, sin = self._rotary(torch.empty(1), torch.arange(positions)[None])
        half = self._heads.size // 2
        return cos[0, :, :half].to(self._like), sin[0, :, :half].to(self._like)

    def _masked(self, length: int) -> Tensor:
        import torch

        return torch.full((length, length), float("-inf")).triu(1).to(self._like)

    def _head(self, batch: Batch, h: Tensor) -> Head:
        import torch

        at, wanted = (torch.tensor(found, device=h.device) for found in flat_targets(batch))
        return Head(h[at], at, wanted, self._unembed, self._factor, self._eps)


class Head:
    """The last norm and the logits, of the tokens that predict a reply's token and of no others."""

    def __init__(self, h: Tensor, at: Tensor, wanted: Tensor, unembed: Tensor, factor: Tensor, eps: float) -> None:
        import torch

        self._at, self._wanted, self._unembed, self._factor = at, wanted, unembed, factor
        wide = h.float()
        self._scale = wide.square().mean(-1, keepdim=True).add_(eps).rsqrt_()
        self._x = wide * self._scale
        inputs = (self._x * factor).to(h.dtype).split(CHUNK)
        self._likely = [torch.softmax(x @ unembed.T, -1, dtype=torch.float32) for x in inputs]
        chosen = zip(self._likely, wanted.split(CHUNK), strict=True)
        self.nll = torch.cat([p.gather(1, target[:, None])[:, 0] for p, target in chosen]).log_().neg_()

    def hits(self) -> list[bool]:
        """Of each target, whether it is the likeliest token."""
        chosen = zip(self._likely, self._wanted.split(CHUNK), strict=True)
        return [bool(hit) for p, target in chosen for hit in (p.argmax(-1) == target).tolist()]

    def backward(self, weight: Tensor, h: Tensor) -> Tensor:
        """The gradient of all tokens, from that of each target's negative log-likelihood."""
        import torch

        parts, found = zip(self._likely, self._wanted.split(CHUNK), weight.split(CHUNK), strict=True), []
        for p, target, w in parts:
            p[torch.arange(len(target), device=p.device), target] -= 1
            found.append(p.mul_(w[:, None]).to(h.dtype) @ self._unembed)
        dx = torch.cat(found).float() * self._factor
        share = (dx * self._x).mean(-1, keepdim=True)
        dh = torch.zeros_like(h)
        dh[self._at] = ((dx - self._x * share) * self._scale).to(h.dtype)
        return dh


def _head_size(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def tensors_in(folder: Path) -> Any:
    """A function from a tensor's name to the tensor, over all .safetensors files of a folder."""
    from safetensors import safe_open

    files: dict[str, Path] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            files |= dict.fromkeys(file.keys(), path)

    def read(name: str) -> Tensor:
        with safe_open(files[name], "pt") as file:
            return file.get_tensor(name)

    return read
