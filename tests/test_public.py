"""The public face: one sorted list of names, each of them there."""

from __future__ import annotations

import types

import suffice


def test_the_names_are_sorted_and_there() -> None:
    assert suffice.__all__ == sorted(suffice.__all__) and len(suffice.__all__) <= 55
    assert [name for name in suffice.__all__ if not hasattr(suffice, name)] == []


def test_a_verb_is_a_function_and_not_its_file() -> None:
    import suffice.climb
    import suffice.run  # importing a file may not put it in the verb's place

    verbs = [suffice.load, suffice.run, suffice.compare, suffice.climb, suffice.diagnose, suffice.gate, suffice.verify]
    assert not [verb for verb in verbs if isinstance(verb, types.ModuleType)]


def test_everything_public_says_what_it_is() -> None:
    made = [getattr(suffice, name) for name in suffice.__all__]
    bare = [one for one in made if isinstance(one, type | types.FunctionType) and not one.__doc__]
    assert bare == []
