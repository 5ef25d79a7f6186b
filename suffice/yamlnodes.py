"""The nodes of a YAML text, read safely: no values are made of them, and no alias can multiply."""

from __future__ import annotations

from typing import NoReturn

import yaml

DEEPEST = 40


def node_of(text: str) -> yaml.Node | None:
    """The one document's root; `yaml.YAMLError` where there is none to be read. None of an empty text."""
    return _Loader(text).get_single_node()


class _Loader(yaml.BaseLoader):
    """Nodes only: every scalar stays text, and an alias is refused before it can multiply."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            self._refuse("aliases (*name) are not allowed")
        if self.depth >= DEEPEST:
            self._refuse("nested too deeply")
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def _refuse(self, why: str) -> NoReturn:
        raise yaml.composer.ComposerError(None, None, why, self.peek_event().start_mark)  # type: ignore[no-untyped-call]
