"""Attention over rows that begin alike: the shared prefix is worked out once, no row sees another.

Tokens lie flat: the prefix, then every row, padded on the right to one length, then what fills up. Queries, keys and
values are laid out as (key head, row, query heads of it × token, number), so that the rows of a key head look at the
prefix in one product. Written as products and a softmax, because torch's fused attention takes four times as long on a
processor in bfloat16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._room import Room

if TYPE_CHECKING:
    from torch import Tensor


LONG = 512
"""Weights over more tokens than this are not kept but worked out again on the way back: they grow with the square."""


@dataclass(frozen=True, slots=True)
class Heads:
    """How a layer's numbers are divided: query heads, key heads, numbers a head."""

    queries: int
    keys: int
    size: int

    @property
    def group(self) -> int:
        """Query heads that share a key head."""
        return self.queries // self.keys

    @property
    def width(self) -> int:
        """Numbers of all queries of a token."""
        return self.queries * self.size


@dataclass(frozen=True, slots=True)
class Grid:
    """How a batch lies: `prefix` tokens that all rows share, then `rows` of `length` tokens; angles for all positions.

    `turns` are cosine and sine, each (positions, half a head), for keys; `scaled` the same times 1/√size, for queries.
    """

    prefix: int
    rows: int
    length: int
    turns: tuple[Tensor, Tensor]
    scaled: tuple[Tensor, Tensor]
    mask: Any
    """`mask(length)`: what is added to the scores, (length, length); shared by all layers and batches."""

    @property
    def end(self) -> int:
        """Where the tokens end; what lies behind fills up, and is zero."""
        return self.prefix + self.rows * self.length

    def own(self, pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """The angles of the rows' positions."""
        return pair[0][self.prefix : self.prefix + self.length], pair[1][self.prefix : self.prefix + self.length]

    def shared(self, pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """The angles of the prefix's positions."""
        return pair[0][: self.prefix], pair[1][: self.prefix]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the way back needs: queries, keys, values and weights of the rows; the same of a prefix."""

    q: Tensor
    k: Tensor
    v: Tensor
    p: Tensor | None
    """None where they are worked out again."""
    before: Seen | None = None


def forward(y: Tensor, out: Tensor, heads: Heads, grid: Grid, room: Room) -> Seen:
    """From queries, keys and values side by side (tokens × …) to what each token takes in, written into `out`."""
    import torch

    first = _first(y, out, heads, grid, room) if grid.prefix else None
    q, k, v = _laid_out(
        y[grid.prefix : grid.end], heads, grid.rows, (grid.own(grid.turns), grid.own(grid.scaled)), room
    )
    p = _weights(q, k, first, heads, grid.mask(grid.length), room)
    if first is None:
        o = torch.matmul(p, v)
    else:
        o = torch.matmul(p[..., grid.prefix :], v)
        o += torch.bmm(p[..., : grid.prefix].flatten(1, 2), first.v[:, 0]).view_as(o)
    _tokens(out[grid.prefix : grid.end], heads, grid.rows).copy_(o.unflatten(2, (heads.group, -1)))
    out[grid.end :, : heads.width] = 0
    return Seen(q, k, v, p if p.shape[-1] <= LONG else None, first)


def backward(dout: Tensor, seen: Seen, heads: Heads, grid: Grid) -> Tensor:
    """From the gradient of what each token took in to that of queries, keys and values side by side."""
    import torch

    dy = dout.new_empty(dout.shape[0], heads.width + 2 * heads.keys * heads.size)
    do = _gathered(dout[grid.prefix : grid.end, : heads.width], heads, grid.rows)
    first, at = seen.before, grid.prefix
    p = seen.p
    if p is None:
        p = _weights(seen.q, seen.k, first, heads, grid.mask(grid.length))
    dp = torch.matmul(do, seen.v.transpose(-1, -2))
    if first is not None:
        past = torch.bmm(do.flatten(1, 2), first.v[:, 0].transpose(1, 2)).view(*dp.shape[:3], at)
        dp = torch.cat((past, dp), -1)
    ds = torch.ops.aten._softmax_backward_data(dp, p, -1, dp.dtype)
    own, weights = (ds[..., at:], p[..., at:]) if at else (ds, p)
    dq = torch.matmul(own, seen.k)
    if first is not None:
        back, share = ds[..., :at].flatten(1, 2), p[..., :at].flatten(1, 2)
        dq += torch.bmm(back, first.k[:, 0]).view_as(dq)
        dk = torch.bmm(back.transpose(1, 2), seen.q.flatten(1, 2))
        dv = torch.bmm(share.transpose(1, 2), do.flatten(1, 2))
        _first_back(dout, dy, first, (dk[:, None], dv[:, None]), heads, grid)
    dk = torch.matmul(own.transpose(-1, -2), seen.q)
    dv = torch.matmul(weights.transpose(-1, -2), do)
    _taken_back(dy[at : grid.end], (dq, dk, dv), heads, grid.rows, grid.own(grid.turns), grid.own(grid.scaled))
    dy[grid.end :] = 0
    return dy


def _first(y: Tensor, out: Tensor, heads: Heads, grid: Grid, room: Room) -> Seen:
    """The prefix as one row of its own."""
    import torch

    angles = grid.shared(grid.turns), grid.shared(grid.scaled)
    q, k, v = _laid_out(y[: grid.prefix], heads, 1, angles, room)
    p = _weights(q, k, None, heads, grid.mask(grid.prefix), room)
    o = torch.matmul(p, v)
    _tokens(out[: grid.prefix], heads, 1).copy_(o.unflatten(2, (heads.group, -1)))
    return Seen(q, k, v, p if p.shape[-1] <= LONG else None)


def _first_back(dout: Tensor, dy: Tensor, first: Seen, later: tuple[Tensor, Tensor], heads: Heads, grid: Grid) -> None:
    """The way back through the prefix; `later` is what the rows ask of its keys and values."""
    import torch

    do = _gathered(dout[: grid.prefix, : heads.width], heads, 1)
    p = first.p
    if p is None:
        p = _weights(first.q, first.k, None, heads, grid.mask(grid.prefix))
    dp = torch.matmul(do, first.v.transpose(-1, -2))
    ds = torch.ops.aten._softmax_backward_data(dp, p, -1, dp.dtype)
    dk = torch.matmul(ds.transpose(-1, -2), first.q).add_(later[0])
    dv = torch.matmul(p.transpose(-1, -2), do).add_(later[1])
    dq = torch.matmul(ds, first.k)
    angles = grid.shared(grid.turns), grid.shared(grid.scaled)
    _taken_back(dy[: grid.prefix], (dq, dk, dv), heads, 1, *angles)


def _weights(q: Tensor, k: Tensor, first: Seen | None, heads: Heads, mask: Tensor, room: Room | None = None) -> Tensor:
    """How much each query takes of each token: those of the prefix, then those of its own row up to itself."""
    import torch

    s = torch.matmul(q, k.transpose(-1, -2))
    s.unflatten(2, (heads.group, -1)).add_(mask)
    if first is not None:
        past = torch.bmm(q.flatten(1, 2), first.k[:, 0].transpose(1, 2))
        s = torch.cat((past.view(*s.shape[:3], -1), s), -1)
    kept = None if room is None or s.shape[-1] > LONG else room.take(*s.shape)
    return torch.softmax(s, -1, out=kept)


# Between tokens that lie flat and heads that lie apart


def _tokens(flat: Tensor, heads: Heads, rows: int) -> Tensor:
    """A view of (rows × length, heads × size) as (key heads, rows, group, length, size)."""
    width = heads.width
    return (
        flat[:, :width]
        .unflatten(1, (heads.keys, heads.group, heads.size))
        .unflatten(0, (rows, -1))
        .permute(2, 0, 3, 1, 4)
    )


def _gathered(flat: Tensor, heads: Heads, rows: int) -> Tensor:
    return _tokens(flat, heads, rows).flatten(2, 3)


def _parts(y: Tensor, heads: Heads, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Views of queries, keys and values: (key heads, rows, group or 1, length, size)."""
    single = Heads(heads.keys, heads.keys, heads.size)
    at = heads.width
    q = _tokens(y, heads, rows)
    k = _tokens(y[:, at : at + single.width], single, rows)
    v = _tokens(y[:, at + single.width : at + 2 * single.width], single, rows)
    return q, k, v


def _laid_out(
    y: Tensor, heads: Heads, rows: int, angles: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]], room: Room
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries and keys turned to their positions, and values, each (key heads, rows, … × length, size)."""
    parts = _parts(y, heads, rows)
    q, k, v = (room.take(*part.shape) for part in parts)
    _turn(parts[0], q, *angles[1])
    _turn(parts[1], k, *angles[0])
    v.copy_(parts[2])
    return q.flatten(2, 3), k.flatten(2, 3), v.flatten(2, 3)


def _taken_back(
    dy: Tensor,
    d: tuple[Tensor, Tensor, Tensor],
    heads: Heads,
    rows: int,
    turns: tuple[Tensor, Tensor],
    scaled: tuple[Tensor, Tensor],
) -> None:
    """Gradients of queries, keys and values, turned back and written where the tokens lie flat."""
    q, k, v = _parts(dy, heads, rows)
    _turn(d[0].view(q.shape), q, scaled[0], -scaled[1])
    _turn(d[1].view(k.shape), k, turns[0], -turns[1])
    v.copy_(d[2].view(v.shape))


def _turn(x: Tensor, out: Tensor, cos: Tensor, sin: Tensor) -> None:
    """Turn each pair (number i, number i + half) by the angle of its position; angles are (length, half)."""
    import torch

    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    torch.mul(a, cos, out=out[..., :half]).addcmul_(b, sin, value=-1)
    torch.mul(b, cos, out=out[..., half:]).addcmul_(a, sin)
