"""Edits of one value in a JSON, YAML or TOML file: every other byte stays as it is."""

import json
from textwrap import dedent

import pytest
import tomlkit
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.drivers.files.table.document import DocumentLayout, escape_name, unescape_name
from explorer.drivers.files.table.filedb import FileDbLayout
from explorer.drivers.files.table.layout import Layout
from explorer.drivers.files.table.table_file import TableFile
from explorer.model.errors import InvalidKey, InvalidText
from explorer.syntax import syntax_of
from tests.scale import examples

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_NAMES = st.text("ab/~. é:#-'\"\\{}", max_size=6)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS
_DOCUMENTS = st.dictionaries(
    _NAMES,
    st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4)),
    min_size=1,
    max_size=5,
)
_EXAMPLES = settings(max_examples=examples(60, 2000))


def table(name: str, text: str, layout: Layout | None = None) -> TableFile:
    blank = TableFile(name.encode(), name, syntax_of(name.encode()), layout or DocumentLayout())
    return blank.parsed(text.encode(), None)


def edited(name: str, text: str, changes: dict[str, str | None], layout: Layout | None = None) -> str:
    return table(name, dedent(text), layout).edited(changes).text


def assert_only_replaced(before: str, after: str, old: str) -> None:
    """Assert that two texts are alike before and behind the one value."""
    start = _alike(before, after)
    end = _alike(before[start:][::-1], after[start:][::-1])
    assert len(before) - start - end <= len(old)


def _alike(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


class TestJson:
    def test_replace_keeps_every_other_byte(self) -> None:
        text = '\ufeff{ "a" : 1.10 ,\r\n\t"b":{"c":[1,2 , 3]},"d":"\\u00e9"}\r\n'
        assert edited("f.json", text, {"b/c/1": "4e1"}) == text.replace("2", "4e1")

    def test_append_takes_the_layout_of_the_last_member(self) -> None:
        assert edited("f.json", '{\n  "a": 1\n}\n', {"b": "2"}) == '{\n  "a": 1,\n  "b": 2\n}\n'
        assert edited("f.json", '{"a":1,"b":2}', {"c": "3"}) == '{"a":1,"b":2,"c":3}'
        assert edited("f.json", "{}", {"a/b": "3"}) == '{"a": {"b": 3}}'
        assert edited("f.json", "[1, 2]", {"2": "3"}) == "[1, 2, 3]"

    def test_remove_takes_one_comma_along(self) -> None:
        text = '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}'
        assert edited("f.json", text, {"a": None}) == '{\n  "b": 2,\n  "c": 3\n}'
        assert edited("f.json", text, {"b": None}) == '{\n  "a": 1,\n  "c": 3\n}'
        assert edited("f.json", text, {"c": None}) == '{\n  "a": 1,\n  "b": 2\n}'
        assert edited("f.json", text, {"a": None, "b": None, "c": None}) == "{}"

    def test_filedb_item_is_laid_out_as_the_last_one(self) -> None:
        text = '{"data": [\n  {\n    "key": "/a",\n    "value": {"x": 1}\n  }\n], "note": 1}'
        after = edited("f.json", text, {"/b": "[2]"}, FileDbLayout())
        assert after == text.replace('\n], "note"', ',\n  {\n    "key": "/b",\n    "value": [2]\n  }\n], "note"')
        assert edited("f.json", after, {"/b": None}, FileDbLayout()) == text

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ('{"a": 1,}', (1, 9)),
            ('{"a": 01}', (1, 8)),
            ("{'a': 1}", (1, 2)),
            ('{"a": NaN}', (1, 7)),
            ('{"a":\n "b\n"}', (2, 4)),
            ('{"a": 1} {}', (1, 10)),
            ('{"a" 1}', (1, 6)),
            ("", (1, 1)),
            pytest.param("[" * 100_000, (1, 202), id="deep"),
        ],
    )
    def test_invalid_json_has_line_and_column(self, text: str, place: tuple[int, int]) -> None:
        with pytest.raises(InvalidText) as caught:
            table("f.json", text)
        assert (caught.value.line, caught.value.column) == place

    @given(document=_DOCUMENTS, indent=st.sampled_from([None, 1, "\t"]), data=st.data())
    @_EXAMPLES
    def test_any_edit_leaves_the_rest(self, document: object, indent: str | int | None, data: st.DataObject) -> None:
        text = json.dumps(document, indent=indent, ensure_ascii=data.draw(st.booleans()))
        before = table("f.json", text)
        leaves = [key for key in before.places.by_key if before.value(key) is not None]
        if leaves:
            key, new = data.draw(st.sampled_from(leaves)), json.dumps(data.draw(_SCALARS))
            after = before.edited({key: new})
            place = before.places.by_key[key].node
            assert after.text == text[: place.start] + new + text[place.end :]


class TestYaml:
    TEXT = dedent(
        """\
        # heading
        name: "vpp1"   # the name
        list:
        - one
        -   two    # second
        - 'three'

        nested:
            port: 8080
            on: yes
            text: |
              first
                second
            empty:
        flow: {a: 1, b: [x, y]}   # flow
        # end
        """
    )

    @pytest.mark.parametrize(
        ("key", "value", "old", "new"),
        [
            ("name", '"vpp2"', '"vpp1"', '"vpp2"'),
            ("list/0", '"four"', "- one", "- four"),
            ("list/1", '"a: b"', "two ", '"a: b" '),
            ("list/2", '"it\'s"', "'three'", "'it''s'"),
            ("nested/port", "8081", "8080", "8081"),
            ("nested/on", "false", "yes", "false"),
            ("nested/text", '"a\\nb\\n"', "|\n      first\n        second\n", "|\n      a\n      b\n"),
            ("nested/empty", '"no"', "empty:\n", 'empty: "no"\n'),
            ("flow/b/1", '"y,z"', "y]", '"y,z"]'),
        ],
    )
    def test_replace_keeps_every_other_byte(self, key: str, value: str, old: str, new: str) -> None:
        """Comments, quotes and blank lines stay; the style of the value, too, where it can."""
        assert edited("f.yaml", self.TEXT, {key: value}) == self.TEXT.replace(old, new, 1)

    def test_append_and_remove_are_lines(self) -> None:
        after = edited("f.yaml", self.TEXT, {"nested/new": "1", "list/3": '"four"', "top": "true"})
        assert after == self.TEXT.replace("    empty:\n", "    empty:\n    new: 1\n").replace(
            "- 'three'\n", "- 'three'\n- four\n"
        ).replace("# flow\n", "# flow\ntop: true\n")
        assert edited("f.yaml", after, {"nested/new": None, "list/3": None, "top": None}) == self.TEXT

    def test_remove_of_all_members_leaves_an_empty_one(self) -> None:
        assert edited("f.yaml", "a:\n  b: 1\nc: 2\n", {"a/b": None}) == "a:\n  {}\nc: 2\n"
        assert edited("f.yaml", "a: 1", {"a": None, "b": "2"}).strip() == '{"b": 2}'

    def test_filedb_value_is_changed_where_it_differs(self) -> None:
        """The comments within the value stay."""
        text = dedent(
            """\
            data:
              - key: /a
                value:
                  name: x   # the name
                  mtu: 1500 # bytes
              - {key: /b, value: [1, 2]}
            """
        )
        layout = FileDbLayout()
        assert table("f.yaml", text, layout).value("/a") == b'{"name": "x", "mtu": 1500}'
        after = edited("f.yaml", text, {"/a": '{"name": "x", "mtu": 9000, "up": true}'}, layout)
        assert after == text.replace("1500 # bytes\n", "9000 # bytes\n      up: true\n")
        after = edited("f.yaml", text, {"/c": '{"x": {"y": [1.10, "z"]}}', "/b": None}, layout)
        new = '  - key: /c\n    value:\n      x:\n        "y":\n          - 1.10\n          - z\n'
        assert after == text.replace("  - {key: /b, value: [1, 2]}\n", "") + new

    def test_alias_is_shown_and_not_edited(self) -> None:
        text = "base: &b {x: 1}\nother: *b\nmerged:\n  <<: *b\n  y: 2\n"
        file = table("f.yaml", text)
        assert file.value("other/x") == b"1"
        with pytest.raises(InvalidKey, match="alias"):
            file.edited({"other/x": "2"})
        with pytest.raises(InvalidKey):
            file.edited({"base": None})
        assert file.edited({"merged/y": "3"}).text == text.replace("y: 2", "y: 3")

    def test_filedb_value_has_what_its_merge_keys_stand_for(self) -> None:
        text = "defaults: &d {mtu: 1500, up: true}\ndata:\n- key: /a\n  value: {<<: *d, mtu: 9000}\n"
        value = table("f.yaml", text, FileDbLayout()).value("/a")
        assert json.loads(value or b"") == {"mtu": 9000, "up": True}

    def test_alias_bomb_is_refused_at_once(self) -> None:
        levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
        with pytest.raises(InvalidText, match="aliases stand for more than"):
            table("f.yaml", "\n".join(["l0: &l0 lol", *levels]))

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("a: !!python/object/apply:os.system [x]", "tag"),
            ("a: !custom 1", "tag"),
            ("a: &a [*a]", "alias"),
            ("a: 1\n---\nb: 2\n", "single document"),
            ("a: [1", "line"),
            ("? [a]\n: 1", "name"),
            ("", "empty"),
            ("a: \x01", "not valid YAML"),
            pytest.param("[" * 1000 + "]" * 1000, "deep", id="deep"),
        ],
    )
    def test_unsafe_or_invalid_yaml_is_one_clear_line(self, text: str, reason: str) -> None:
        with pytest.raises(InvalidText) as caught:
            table("f.yaml", text)
        assert reason in str(caught.value)
        assert "\n" not in str(caught.value)

    @given(document=_DOCUMENTS, flow=st.sampled_from([True, False, None]), data=st.data())
    @_EXAMPLES
    def test_any_edit_leaves_the_rest(
        self,
        document: object,
        flow: bool | None,  # noqa: FBT001 - drawn by name
        data: st.DataObject,
    ) -> None:
        """The text differs in nothing but the value; comments behind it and lines around it stay."""
        text = yaml.safe_dump(
            document, default_flow_style=flow, allow_unicode=True, indent=data.draw(st.integers(2, 4))
        )
        text = f"# before\n{text}# behind\n"
        before = table("f.yaml", text)
        leaves = [key for key in before.places.by_key if before.value(key) is not None]
        if leaves:
            key, new = data.draw(st.sampled_from(leaves)), json.dumps(data.draw(_SCALARS))
            after = before.edited({key: new})
            node = before.places.by_key[key].node
            assert_only_replaced(text, after.text, text[node.start : node.end])
            assert before.syntax.is_same((after.value(key) or b"").decode(), new)


class TestToml:
    TEXT = dedent(
        """\
        # heading
        title = "x"   # the title

        [server]
        port   = 8080 # number
        tags = [ "a", "b" ]

        [[item]]
        name = 'one'
        when = 1979-05-27T07:32:00Z
        """
    )

    @pytest.mark.parametrize(
        ("key", "value", "old", "new"),
        [
            ("title", '"y"', '"x"', '"y"'),
            ("server/port", "0x1F90", "8080", "0x1F90"),
            ("server/tags/1", '"c"', '"b"', '"c"'),
            ("item/0/name", "'two'", "'one'", "'two'"),
        ],
    )
    def test_replace_keeps_every_other_byte(self, key: str, value: str, old: str, new: str) -> None:
        assert edited("f.toml", self.TEXT, {key: value}) == self.TEXT.replace(old, new)

    def test_values_are_shown_as_they_are_written(self) -> None:
        file = table("f.toml", self.TEXT)
        assert file.value("item/0/when") == b"1979-05-27T07:32:00Z"
        assert file.value("item/0/name") == b"'one'"

    def test_new_keys_and_deleted_ones(self) -> None:
        after = edited("f.toml", self.TEXT, {"server/host": '"h"', "new/a": "1"})
        assert tomlkit.parse(after).unwrap()["server"]["host"] == "h"
        assert "# number" in after
        assert edited("f.toml", self.TEXT, {"server/port": None}) == self.TEXT.replace("port   = 8080 # number\n", "")

    @pytest.mark.parametrize("value", ["1\ny = 2", "1 # c", "yes", "", "[1]", "{a = 1}"])
    def test_what_is_no_single_value_is_refused(self, value: str) -> None:
        with pytest.raises(InvalidText):
            edited("f.toml", self.TEXT, {"title": value})

    def test_invalid_toml_has_line_and_column(self) -> None:
        with pytest.raises(InvalidText) as caught:
            table("f.toml", "a = 1\nb = \n")
        assert caught.value.line == 2


@given(name=st.text("ab/~.", max_size=6))
def test_names_are_escaped_reversibly(name: str) -> None:
    escaped = escape_name(name)
    assert unescape_name(escaped) == name
    assert "/" not in escaped
    assert escaped not in ("", ".", "..")


@pytest.mark.parametrize("text", ["a~2", "~~", "a~", ".", ".."])
def test_what_is_no_escaped_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidKey):
        unescape_name(text)


@pytest.mark.parametrize("key", ["list/1", "list"])
def test_deletion_that_renames_others_is_refused(key: str) -> None:
    file = table("f.json", '{"list": [1, 2, 3]}')
    if key == "list":
        assert file.edited({key: None}).text == "{}"
    else:
        with pytest.raises(InvalidKey, match="other keys"):
            file.edited({key: None})


def test_repeated_key_is_shown_and_not_edited() -> None:
    file = table("f.json", '{"a": 1, "a": 2, "b": 3}')
    assert file.value("a") == b"2"
    assert file.places.repeated == {"a": 2}
    with pytest.raises(InvalidKey, match="2 times"):
        file.edited({"a": "4"})
    assert file.edited({"b": "4"}).text == '{"a": 1, "a": 2, "b": 4}'
