"""The tree of RFC 6962: known roots, every path of many sizes, and what is no proof."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.merkle import SegmentLeaf, leaf_hash, path, root, root_of, segment_leaf

# The test vectors of Certificate Transparency: inputs, and the root over the first n of them.
INPUTS = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
INPUTS += [bytes.fromhex("606162636465666768696a6b6c6d6e6f")]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
LEAF = SegmentLeaf("yard", 12, "boot", "synced", 1, 2, 3, 4, 5, 6, "ab" * 32)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(n).encode()) for n in range(count)]


@pytest.mark.parametrize("count", ROOTS)
def test_roots_are_those_of_certificate_transparency(count: int) -> None:
    assert root([leaf_hash(one) for one in INPUTS[:count]]).hex() == ROOTS[count]


def test_every_leaf_of_every_size_has_a_path_to_the_root() -> None:
    for count in range(1, 70):
        tree = leaves(count)
        top = root(tree)
        for index in range(count):
            assert root_of(tree[index], index, count, path(tree, index)) == top


def test_a_path_serves_no_other_place_size_or_leaf() -> None:
    for count in (2, 3, 7, 8, 13, 60):
        tree = leaves(count)
        top = root(tree)
        for index in range(count):
            steps = path(tree, index)
            assert all(root_of(tree[index], other, count, steps) != top for other in range(count) if other != index)
            assert root_of(tree[(index + 1) % count], index, count, steps) != top
            assert root_of(tree[index], index, count, steps[:-1]) != top
            assert root_of(tree[index], index, count, [*steps, top]) != top
            assert root_of(tree[index], index, count, steps[::-1]) != top or steps == steps[::-1]


@given(st.integers(-2, 2**70), st.integers(-2, 2**70), st.lists(st.binary(max_size=40), max_size=70))
def test_nonsense_is_no_proof(index: int, count: int, steps: list[bytes]) -> None:
    assert root_of(b"x" * 32, index, count, steps) != root(leaves(5))


def test_an_inner_node_is_no_leaf() -> None:
    """Without the prefixes the root over two leaves would be the hash of their hashes, as a leaf might have it."""
    tree = leaves(4)
    inner = [root(tree[:2]), root(tree[2:])]
    assert root([leaf_hash(tree[0] + tree[1]), leaf_hash(tree[2] + tree[3])]) != root(tree)
    assert root_of(inner[0], 0, 4, path(tree, 0)) != root(tree)


def test_there_is_no_tree_of_nothing_and_no_path_outside() -> None:
    with pytest.raises(ValueError, match="without leaves"):
        root([])
    for index in (-1, 3):
        with pytest.raises(IndexError):
            path(leaves(3), index)


def test_the_leaf_is_what_its_documentation_says() -> None:
    """So that somebody else's program can check a package."""
    text = (
        b'standpipe footage leaf v1\n{"boot":"boot","bytes":6,"camera":"yard","clock":"synced","end_at_ns":4,'
        b'"end_mono_ns":3,"frames":5,"seq":12,"sha256":"' + b"ab" * 32 + b'","start_at_ns":2,"start_mono_ns":1}'
    )
    assert segment_leaf(LEAF) == hashlib.sha256(b"\x00" + text).digest()


@pytest.mark.parametrize("field", SegmentLeaf._fields)
def test_everything_about_a_segment_is_bound(field: str) -> None:
    value = getattr(LEAF, field)
    other = value + 1 if isinstance(value, int) else value[:-1] + "x"
    assert segment_leaf(LEAF._replace(**{field: other})) != segment_leaf(LEAF)
