import pytest

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry
from explorer.model.errors import Compacted, KeyModified, KeyNotFound
from tests.contract.fixtures import DriverFixtures, keys_below, lacks, needs, put_all


async def _pages(store: Store, prefix: str, limit: int) -> list[list[Entry]]:
    pages, after = [], None
    while True:
        page = await store.list(prefix, after=after, limit=limit)
        pages.append([*page.items])
        after = page.next
        if after is None:
            return pages


async def _levels(store: Store, prefix: str, limit: int) -> list[list[Child]]:
    pages, after = [], None
    while True:
        page = await store.children(prefix, after=after, limit=limit)
        pages.append([*page.items])
        after = page.next
        if after is None:
            return pages


class ListingContract(DriverFixtures):
    """Listings, levels, pages and tree deletions below a prefix."""

    async def test_list(self, store: Store) -> None:
        """As libkv's List (C2): all depths, the prefix itself excluded, with and without the slash at its end."""
        await store.put("testList", b"", is_dir=True)
        await store.put("testList/child", b"first")
        nesting = Capability.NESTING in self.driver.capabilities
        await store.put("testList/subfolder", b"second" if nesting else b"", is_dir=True)
        await put_all(store, *(f"testList/subfolder/key{number}" for number in (1, 2, 3)))
        for prefix in ("testList", "testList/"):
            page = await store.list(prefix)
            assert sorted(entry.key for entry in page.items) == [
                "testList/child",
                "testList/subfolder",
                "testList/subfolder/key1",
                "testList/subfolder/key2",
                "testList/subfolder/key3",
            ]
        assert (await store.list("testList/child")).items == ()
        assert len((await store.list("testList/subfolder")).items) == 3
        with pytest.raises(KeyNotFound):
            await store.list("idontexist")

    async def test_page_without_room_is_refused(self, store: Store) -> None:
        """A programming error: such a page would say that there is nothing more, or go on for ever."""
        await put_all(store, "page/a", "page/b")
        for limit in (0, -1):
            for call in (store.list, store.children, store.children_before):
                with pytest.raises(ValueError, match=f"limit must be 1 or more, not {limit}"):
                    await call("page", limit=limit)

    async def test_list_of_two_children(self, store: Store) -> None:
        """As libkv's testList: values come with the keys."""
        await store.put("testList/child", b"first")
        await store.put("testList/other", b"second")
        for prefix in ("testList", "testList/"):
            found = {entry.key: entry.value for entry in (await store.list(prefix)).items}
            assert found == {"testList/child": b"first", "testList/other": b"second"}

    async def test_delete_tree(self, store: Store) -> None:
        """As libkv's DeleteTree (C3), at any depth, with the number of deleted entries."""
        keys = ["testDeleteTree/first", "testDeleteTree/second", "testDeleteTree/deep/down/below"]
        await put_all(store, *keys)
        assert await store.delete_tree("testDeleteTree") == len(
            [key for key in self.expected_keys(*keys) if "/" in key]
        )
        for key in keys:
            with pytest.raises(KeyNotFound):
                await store.get(key)
        with pytest.raises(KeyNotFound):
            await store.delete_tree("testDeleteTree")

    async def test_list_of_an_empty_store_is_empty(self, store: Store) -> None:
        """The top itself is never missing."""
        assert (await store.list("")).items == ()
        assert (await store.children("")).items == ()

    async def test_children_of_a_leaf_are_empty(self, store: Store) -> None:
        """A missing key raises KeyNotFound instead."""
        await store.put("leaf", b"value")
        assert (await store.children("leaf")).items == ()
        with pytest.raises(KeyNotFound):
            await store.children("idontexist")

    async def test_prefix_foo_excludes_foobar(self, store: Store) -> None:
        """Listings, levels and deletions below `foo` leave out `foobar` and `foo-`."""
        await put_all(store, *self.storable_keys("foo/one", "foobar", "foobar/two", "foo-", "foo0"))
        beside = ["foo-", "foo0", "foobar", "foobar/two"]
        assert await keys_below(store, "foo") == ["foo/one"]
        assert await keys_below(store, "foo/") == ["foo/one"]
        assert [child.name for child in (await store.children("foo")).items] == ["one"]
        assert await store.delete_tree("foo") == 1
        if Capability.DIRECTORIES in self.driver.capabilities:
            assert await keys_below(store, "") == ["foo", *beside]
            assert (await store.list("foo")).items == ()
        else:
            assert await keys_below(store, "") == beside
            with pytest.raises(KeyNotFound):
                await store.list("foo")

    @needs(Capability.NESTING)
    async def test_delete_tree_keeps_the_key_of_the_prefix(self, store: Store) -> None:
        """A prefix that is a key with nothing below it raises KeyNotFound."""
        await put_all(store, "foo", "foo/one")
        assert await store.delete_tree("foo") == 1
        assert await keys_below(store, "") == ["foo"]
        with pytest.raises(KeyNotFound):
            await store.delete_tree("foo")

    async def test_delete_tree_of_everything_stays_below_the_address(self, store: Store) -> None:
        """Keys beside the path of the address stay."""
        await put_all(store, "deeper/one", "deeper/two/three", "beside")
        async with self.connection("deeper") as deeper:
            assert await deeper.delete_tree("") == len(self.expected_keys("one", "two/three"))
        left = await keys_below(store, "")
        assert left == [key for key in self.expected_keys("beside", "deeper/one") if "/" not in key]

    async def test_prefix_with_pattern_characters_is_literal(self, store: Store) -> None:
        """Wildcards, brackets, percent signs and backslashes have no meaning in a prefix."""
        await put_all(store, "a*/one", "ab/two", "a?/three", "[ab]/four", "a%/five", "a\\/six")
        for prefix, key in (
            ("a*", "a*/one"),
            ("a?", "a?/three"),
            ("[ab]", "[ab]/four"),
            ("a%", "a%/five"),
            ("a\\", "a\\/six"),
        ):
            assert await keys_below(store, prefix) == [key]
        assert await store.delete_tree("a*") == 1
        assert await store.exists("ab/two")

    async def test_children_before_a_key_returns_those_before_it(self, store: Store) -> None:
        """The last children of a level, and those before any place in it, come in order with none left out."""
        names = self.storable_keys("a", "a-b", "a/x", "a0", "b/y", "b0/y", "c05", "c1", "c10", "cé/z", "d")
        await put_all(store, *(f"dir/{name}" for name in names))
        await put_all(store, "dis", "di/r")
        level = [child for page in await _levels(store, "dir", 100) for child in page]
        whole = (await store.children_before("dir")).items
        assert [*whole] == level
        for limit in (1, 2, 5):
            last = (await store.children_before("dir/", limit=limit)).items
            assert [*last] == level[len(level) - len(last) :]
            assert 0 < len(last) <= limit
            for number, child in enumerate(level):
                before = child.key if child.has_value else f"{child.key}/"
                found = (await store.children_before("dir", before, limit=limit)).items
                assert [*found] == level[number - len(found) : number]
                assert 0 < len(found) <= limit or not number
                hinted = (await store.children_before("dir", before, after=level[0].key, limit=limit)).items
                assert [*hinted] == level[number - len(hinted) : number]
                assert hinted or number <= 1
        assert [*(await store.children_before("dir", "dir/c0")).items] == [one for one in level if one.name < "c"]
        assert (await store.children_before("dir", "dir/A")).items == ()
        with pytest.raises(KeyNotFound):
            await store.children_before("idontexist")

    async def test_children_have_flags_for_values_and_levels(self, store: Store) -> None:
        """Each child says whether it has a value and whether it has children."""
        keys = ("leaf", "both", "both/below", "only/below", "only/deep/down", "both!", "both!/x/y")
        await put_all(store, *self.storable_keys(*keys))
        assert sorted((await store.children("")).items, key=lambda child: child.name) == [
            Child("both", "both", has_value=True, has_children=True),
            Child("both!", "both!", has_value=True, has_children=True),
            Child("leaf", "leaf", has_value=True, has_children=False),
            Child("only", "only", has_value="only" in self.expected_keys("only/deep"), has_children=True),
        ]
        assert sorted((await store.children("only")).items, key=lambda child: child.name) == [
            Child("below", "only/below", has_value=True, has_children=False),
            Child(
                "deep", "only/deep", has_value="only/deep" in self.expected_keys("only/deep/down"), has_children=True
            ),
        ]

    @lacks(Capability.DIRECTORIES)
    async def test_children_keep_keys_with_empty_names_apart(self, store: Store) -> None:
        """`a//b`, `/a`, `a/` and `a` are four keys, and each is reached by going down."""
        await put_all(store, "a//b", "/a", "a/", "a")
        assert set((await store.children("")).items) == {
            Child("", "", has_value=False, has_children=True),
            Child("a", "a", has_value=True, has_children=True),
        }
        assert (await store.children("/")).items == (Child("a", "/a", has_value=True, has_children=False),)
        assert (await store.children("a")).items == (Child("", "a/", has_value=True, has_children=True),)
        assert (await store.children("a//")).items == (Child("b", "a//b", has_value=True, has_children=False),)

    @pytest.mark.parametrize("limit", [1, 2, 3, 7])
    async def test_small_pages_add_up_to_one_large_page(self, store: Store, limit: int) -> None:
        """Each page but the last is full, and nothing is left out or repeated."""
        keys = ("a", "a/1", "a/2", "a-b", "a-b/1", "a!", "b/1/2/3", "b/1/2/4", "c", "d/x", "d", "e/f")
        await put_all(store, *(f"top/{key}" for key in self.storable_keys(*keys)))
        whole = await store.list("top")
        pages = await _pages(store, "top", limit)
        assert [entry for page in pages for entry in page] == [*whole.items]
        assert all(len(page) == limit for page in pages[:-1])
        level = await store.children("top")
        levels = await _levels(store, "top", limit)
        assert [child for page in levels for child in page] == [*level.items]
        assert all(len(page) == limit for page in levels[:-1])
        assert sorted(child.name for child in level.items) == ["a", "a!", "a-b", "b", "c", "d", "e"]

    async def test_page_that_is_just_full_is_the_last(self, store: Store) -> None:
        """No cursor leads to an empty page."""
        await put_all(store, "top/a", "top/b")
        assert (await store.list("top", limit=2)).next is None
        assert (await store.children("top", limit=2)).next is None

    async def test_list_after_a_key_continues_behind_it(self, store: Store) -> None:
        """The key need not exist."""
        await put_all(store, *self.storable_keys("top/a", "top/b", "top/c", "top/c/d", "top/e"))
        page = await store.list("top", after="top/b")
        assert [entry.key for entry in page.items] == ["top/c", "top/c/d", "top/e"]
        assert [entry.key for entry in (await store.list("top", after="top/c")).items] == ["top/c/d", "top/e"]
        level = await store.children("top", after="top/c")
        assert [child.name for child in level.items] == ["e"]
        assert (await store.list("top", after="top/z")).items == ()

    async def test_list_without_values_has_keys_and_revisions(self, store: Store) -> None:
        """The value of each entry is None."""
        entry = await store.put("top/a", b"value")
        found = (await store.list("top", values=False)).items[0]
        assert found.value is None
        assert (found.key, found.revision) == (entry.key, entry.revision)

    @needs(Capability.SNAPSHOT)
    async def test_list_pages_stay_at_one_revision(self, store: Store, other: Store) -> None:
        """Writes of another connection between two pages are not seen."""
        await put_all(store, *(f"top/{number:02}" for number in range(10)), value=b"before")
        page = await store.list("top", limit=3)
        found, first = [*page.items], page.revision
        await other.put("top/09", b"after")
        await other.put("top/05x", b"new")
        await other.delete("top/07")
        while page.next is not None:
            page = await store.list("top", after=page.next, limit=3)
            assert page.revision == first
            found += page.items
        assert [(entry.key, entry.value) for entry in found] == [
            (f"top/{number:02}", b"before") for number in range(10)
        ]

    @needs(Capability.SNAPSHOT)
    async def test_children_pages_stay_at_one_revision(self, store: Store, other: Store) -> None:
        """Writes of another connection between two pages are not seen."""
        await put_all(store, "top/a/1", "top/b", "top/c/1", "top/d")
        page = await store.children("top", limit=2)
        names = [child.name for child in page.items]
        await other.delete("top/d")
        await other.put("top/e", b"new")
        await other.put("top/b/now-below", b"new")
        page = await store.children("top", after=page.next, limit=10)
        assert names + [child.name for child in page.items] == ["a", "b", "c", "d"]

    @needs(Capability.SNAPSHOT, Capability.RESUME)
    async def test_list_after_a_compaction_raises_compacted(self, store: Store) -> None:
        """A cursor of the key alone continues at the newest revision."""
        await put_all(store, "top/a", "top/b", "top/c")
        page = await store.list("top", limit=1)
        level = await store.children("top", limit=1)
        await put_all(store, "top/a", "top/b")
        await self.compact(store)
        with pytest.raises(Compacted):
            await store.list("top", after=page.next)
        with pytest.raises(Compacted):
            await store.children("top", after=level.next)
        assert page.next is not None
        again = await store.list("top", after=Cursor(page.next.key))
        assert [entry.key for entry in again.items] == ["top/b", "top/c"]

    @needs(Capability.GUARDED_DELETE)
    async def test_guarded_delete_tree_deletes_what_was_listed(self, store: Store, other: Store) -> None:
        """A write outside of the prefix does not prevent it."""
        await put_all(store, "top/a", "top/b/c")
        preview = await store.list("top")
        await other.put("topmost", b"elsewhere")
        assert await store.delete_tree("top", guard=preview.revision) == 2
        assert await keys_below(store, "") == ["topmost"]

    @pytest.mark.parametrize("written", ["top/a", "top/b/c", "top/new"])
    @needs(Capability.GUARDED_DELETE)
    async def test_guarded_delete_tree_after_a_write_is_refused(self, store: Store, other: Store, written: str) -> None:
        """Nothing is deleted."""
        await put_all(store, "top/a", "top/b/c")
        preview = await store.list("top")
        await other.put(written, b"value")
        before = await keys_below(store, "top")
        with pytest.raises(KeyModified):
            await store.delete_tree("top", guard=preview.revision)
        assert await keys_below(store, "top") == before
