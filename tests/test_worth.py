"""Worth: what training costs a month, what it spares a request, and from which volume both are equal."""

from __future__ import annotations

import pytest

from suffice.worth import told, worth

TOKENS = {"before": 2_000.0, "after": 500.0}
UNPRICED = {"before": 0.0, "after": 0.0}


def test_a_saving_by_list_price_pays_from_the_volume_at_which_both_are_equal() -> None:
    found = worth(TOKENS, {"before": 3.0, "after": 1.0}, 10)
    assert found.usd_per_month == pytest.approx((200 + 2 / 12 * 4_000, 800 + 2 / 12 * 8_000))
    ((price, low, high),) = found.pays_from
    assert (found.saved_usd_per_1k, price) == (2.0, pytest.approx(1_000 * 2 / 1_500))
    assert (low * 30 * 0.002, high * 30 * 0.002) == pytest.approx(found.usd_per_month)


def test_a_model_without_a_price_is_priced_by_its_tokens_at_two_stated_prices() -> None:
    found = worth(TOKENS, UNPRICED, None)
    assert [row["usd_per_million_tokens"] for row in told(found)["pays_from"]] == [0.15, 2.50]
    small, large = found.pays_from
    assert small[1] > large[1] and found.months == 12 and "spares 1,500 tokens a request" in found.words


@pytest.mark.parametrize(
    ("tokens", "usd", "said"),
    [
        ({"before": 500.0, "after": 2_000.0}, UNPRICED, "it spares no tokens"),
        (TOKENS, {"before": 1.0, "after": 1.2}, "it spares 1,500 tokens a request and no money"),
        (TOKENS, {"before": 1.0, "after": 1.0}, "it spares 1,500 tokens a request and no money"),
    ],
    ids=["more tokens", "dearer by list price", "as dear by list price"],
)
def test_what_spares_nothing_pays_from_no_volume(tokens: dict[str, float], usd: dict[str, float], said: str) -> None:
    found = worth(tokens, usd, 12)
    assert found.pays_from == () and said in found.words and "quality alone" in found.words


def test_what_is_cheaper_at_more_tokens_pays_by_its_price() -> None:
    found = worth({"before": 500.0, "after": 600.0}, {"before": 3.0, "after": 1.0}, 10)
    ((price, low, _),) = found.pays_from
    assert price == pytest.approx(1e6 * 0.003 / 500) and low * 30 * 0.002 == pytest.approx(found.usd_per_month[0])
    assert "spares $2.00 for 1,000 requests" in found.words and "quality alone" not in found.words


@pytest.mark.parametrize(
    ("kind", "low", "weeks"),
    [("student", 20_000, 0), ("managed_lora", 3_000, 0), ("api", 5_000, 0), ("full", 15_000, 1)],
)
def test_each_kind_of_training_costs_what_its_project_does(kind: str, low: float, weeks: int) -> None:
    one, other = worth(TOKENS, UNPRICED, 12), worth(TOKENS, UNPRICED, 12, kind)
    more = other.usd_per_month[0] - one.usd_per_month[0]
    assert more >= (low - 2_000) / 12 - 1e-9 and (more == pytest.approx((low - 2_000) / 12)) == (weeks == 0)
    assert other.pays_from[0][1] > one.pays_from[0][1]
