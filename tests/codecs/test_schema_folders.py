"""Folders of schemas: mounted, vendored, broken."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from explorer.codecs.protobuf import proto_paths
from explorer.codecs.protobuf.schema_files import load
from explorer.codecs.protobuf.schemas import Schemas, SchemaSet
from explorer.model.errors import SchemaFailed
from tests.codecs.common import installed

PROTO3 = 'syntax = "proto3";\n'
MONEY = f"{PROTO3}package shop;\nmessage Money {{ int64 units = 1; }}\n"
ORDER = f'{PROTO3}package shop;\nimport "common.proto";\nmessage Order {{ Money total = 1; }}\n'
AT = "message At { google.protobuf.Timestamp at = 1; }"
TIMES = f'{PROTO3}package app;\nimport "google/protobuf/timestamp.proto";\n{AT}'
FOO = f"{PROTO3}package foo;\nmessage Foo {{ int32 x = 1; }}\n"


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def types(*paths: Path, includes: tuple[Path, ...] = ()) -> set[str]:
    """Return the types of schemas that have no problem."""
    sets = load(paths, includes)
    assert [problem for found in sets for problem in found.problems] == []
    return set(Schemas(sets).types())


def problems(folder: Path, *, name: bool = True) -> tuple[set[str], list[str]]:
    """Return the types that can be used, and the problems without the folder's name."""
    sets = load([folder])
    lines = [problem for found in sets for problem in found.problems]
    assert all("\n" not in line for line in lines)
    assert not name or all(line.startswith(f"{folder}/") for line in lines)
    return set(Schemas(sets).types()), [line.removeprefix(f"{folder}/") for line in lines]


class TestMounted:
    def test_config_map_each_file_is_read_once(self, tmp_path: Path) -> None:
        """A mounted ConfigMap has links to ..data, which is a link to a hidden folder."""
        write(tmp_path / "..2024", {"common.proto": MONEY, "order.proto": ORDER})
        (tmp_path / "..data").symlink_to("..2024")
        for name in ("common.proto", "order.proto"):
            (tmp_path / name).symlink_to(Path("..data", name))
        assert types(tmp_path) == {"shop.Money", "shop.Order"}
        assert types(tmp_path / "order.proto") == {"shop.Money", "shop.Order"}
        assert types(tmp_path, includes=(tmp_path,)) == {"shop.Money", "shop.Order"}

    def test_config_map_of_descriptor_sets_is_read_once(self, tmp_path: Path) -> None:
        """Each set is one schema, not one for each link to it."""
        data = FileDescriptorSet(file=[FileDescriptorProto(name="a.proto")]).SerializeToString()
        write(tmp_path / "..2024", {"a.binpb": data})
        (tmp_path / "a.binpb").symlink_to("..2024/a.binpb")
        assert len(load([tmp_path])) == 1

    def test_links_to_folders_are_followed_and_loops_end(self, tmp_path: Path) -> None:
        """A folder that can be reached in several ways is read once."""
        write(tmp_path / "own", {"a.proto": FOO.replace("Foo", "A")})
        write(tmp_path / "other", {"b.proto": FOO.replace("Foo", "B")})
        (tmp_path / "own" / "vendored").symlink_to(tmp_path / "other")
        (tmp_path / "own" / "again").symlink_to(tmp_path / "other")
        (tmp_path / "other" / "loop").symlink_to(tmp_path / "own")
        (tmp_path / "own" / "gone").symlink_to(tmp_path / "nowhere")
        assert types(tmp_path / "own") == {"foo.A", "foo.B"}

    @pytest.mark.parametrize("name", ["a:b", "a=b", "with space", "-I", "@args", "ünïcode"])
    def test_folder_of_any_name_compiles(self, tmp_path: Path, name: str) -> None:
        """The compiler splits its option at some of these characters."""
        assert types(write(tmp_path / name, {"common.proto": MONEY, "order.proto": ORDER})) == {
            "shop.Money",
            "shop.Order",
        }

    def test_huge_folder_is_refused_with_a_hint(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The search of a folder such as / ends early."""
        monkeypatch.setattr(proto_paths, "MAX_FOLDER_ENTRIES", 3)
        write(tmp_path, {f"{number}.txt": "" for number in range(5)})
        with pytest.raises(SchemaFailed, match="more than 3 files"):
            load([tmp_path])


class TestVendored:
    def test_copies_of_well_known_types_are_the_known_ones(self, tmp_path: Path) -> None:
        """Wherever a copy of google/protobuf is, it is not compiled a second time."""
        copy = (installed("grpc_tools") / "_proto" / "google" / "protobuf" / "timestamp.proto").read_bytes()
        for scope in ("third_party", "vendor/protobuf/src", "."):
            folder = write(tmp_path / scope.replace("/", "-"), {"app/order.proto": TIMES})
            write(folder / scope, {"google/protobuf/timestamp.proto": copy})
            assert types(folder) == {"app.At"}
            assert types(folder, includes=(folder / scope,)) == {"app.At"}
            assert types(folder, includes=(folder, folder / scope)) == {"app.At"}

    def test_second_import_root_is_found(self, tmp_path: Path) -> None:
        """A file that is imported by one name is not compiled by another."""
        write(
            tmp_path,
            {
                "app/order.proto": f'{PROTO3}import "foo/foo.proto";\nmessage Order {{ foo.Foo foo = 1; }}',
                "third_party/foo/foo.proto": FOO,
                "third_party/foo/bar.proto": f'{PROTO3}import "foo/foo.proto";\nmessage Bar {{ foo.Foo foo = 1; }}',
            },
        )
        expected = {"Order", "Bar", "foo.Foo"}
        assert types(tmp_path) == expected
        assert types(tmp_path, includes=(tmp_path, tmp_path / "third_party")) == expected
        assert types(tmp_path, includes=(tmp_path / "third_party",)) == expected
        with pytest.raises(SchemaFailed, match=r"imports foo/foo\.proto, which was not found") as caught:
            load([tmp_path / "app"])
        assert "-I" in caught.value.hint

    def test_package_folders_above_a_named_file_are_found(self, tmp_path: Path) -> None:
        """One file of a tree like buf's finds its imports from the tree's root."""
        write(
            tmp_path,
            {
                "proto/acme/v1/a.proto": f'{PROTO3}import "acme/v1/b.proto";\nmessage A {{ foo.Foo foo = 1; }}',
                "proto/acme/v1/b.proto": FOO,
            },
        )
        assert types(tmp_path / "proto/acme/v1/a.proto") == {"A", "foo.Foo"}
        assert types(tmp_path / "proto/acme/v1") == {"A", "foo.Foo"}

    def test_identical_copies_are_compiled_once(self, tmp_path: Path) -> None:
        """Two modules that vendor the same file do not contradict each other."""
        use = f'{PROTO3}import "foo.proto";\nmessage NAME {{ foo.Foo foo = 1; }}'
        write(
            tmp_path,
            {
                "one/foo.proto": FOO,
                "one/a.proto": use.replace("NAME", "A"),
                "two/foo.proto": FOO,
                "two/b.proto": use.replace("NAME", "B"),
            },
        )
        assert types(tmp_path) == {"A", "B", "foo.Foo"}

    def test_options_of_vendored_files_are_read(self, tmp_path: Path) -> None:
        """Trees with validate or gogoproto options compile as they are."""
        option = (
            'syntax = "proto2";\npackage validate;\nimport "google/protobuf/descriptor.proto";\n'
            "extend google.protobuf.FieldOptions { optional bool required = 71110; }\n"
        )
        write(
            tmp_path,
            {
                "api/a.proto": f'{PROTO3}import public "validate/validate.proto"; // import "nothing.proto";\n'
                "message A { string a = 1 [(validate.required) = true]; }",
                "third_party/validate/validate.proto": option,
                "third_party/google/protobuf/descriptor.proto": (
                    installed("grpc_tools") / "_proto" / "google" / "protobuf" / "descriptor.proto"
                ).read_bytes(),
            },
        )
        assert types(tmp_path) == {"A"}

    def test_googleapis_as_they_are_packaged(self) -> None:
        """The whole folder of the package: each import root is found."""
        sets = load([installed("google.api").parent])
        assert {"google.rpc.Status", "google.type.Money"} <= set(Schemas(sets).types())
        assert [problem for found in sets for problem in found.problems] == []


class TestBroken:
    def test_broken_files_are_named_and_the_others_are_used(self, tmp_path: Path) -> None:
        """One line for each file that cannot be used, with file, line and column."""
        write(
            tmp_path,
            {
                "bad.proto": f"{PROTO3}message Bad {{\n  Nope nope = 1;\n}}",
                "cut.proto": f"{PROTO3}message",
                "good.proto": f"{PROTO3}message Good {{ }}",
                "lost.proto": f'{PROTO3}\nimport "nowhere.proto";\nmessage Lost {{ }}',
                "uses.proto": f'{PROTO3}\n\nimport "bad.proto";\nmessage Uses {{ Bad bad = 1; }}',
            },
        )
        found, lines = problems(tmp_path)
        assert found == {"Good"}
        assert sorted(lines) == [
            'bad.proto:3:3: "Nope" is not defined.',
            "cut.proto:2:8: Expected message name.",
            "lost.proto:3:1: imports nowhere.proto, which was not found",
            "uses.proto:4:1: imports bad.proto, which does not compile",
        ]

    @pytest.mark.parametrize(
        "name", ["../base.proto", "/base.proto", "./base.proto", "a//base.proto", "sub/../base.proto"]
    )
    def test_import_by_an_invalid_name_has_the_reason(self, tmp_path: Path, name: str) -> None:
        """The file itself may exist and compile."""
        absolute = f"{tmp_path}{name}" if name.startswith("/") else name
        files = {"base.proto": FOO, "sub/base.proto": FOO, "a/base.proto": FOO}
        write(tmp_path, {**files, "sub/uses.proto": f'{PROTO3}\nimport "{absolute}";\nmessage Uses {{ }}'})
        found, lines = problems(tmp_path)
        assert found == {"foo.Foo"}
        reason = "protoc refuses: a name is relative to an import folder, without . and .."
        assert lines == [f"sub/uses.proto:3:1: imports {absolute}, which {reason}"]

    def test_file_imported_by_two_names_has_the_reason(self, tmp_path: Path) -> None:
        """To protoc two names are two files, which define each message twice."""
        files = {"a/x/one.proto": FOO, "b/two.proto": f'{PROTO3}\nimport "a/x/one.proto";\nmessage Two {{ }}'}
        write(tmp_path, {**files, "c/three.proto": f'{PROTO3}\nimport "x/one.proto";\nmessage Three {{ }}'})
        found, lines = problems(tmp_path)
        assert found == {"foo.Foo", "Two"}
        reason = "which is compiled as a/x/one.proto: import it by that name everywhere"
        assert lines == [f"c/three.proto:3:1: imports x/one.proto, {reason}"]

    def test_two_files_with_one_message_leave_the_first(self, tmp_path: Path) -> None:
        """The problem of the second names the file that defines the message."""
        write(tmp_path, {"a.proto": f"{FOO}// a", "b.proto": FOO, "c.proto": f"{PROTO3}message C {{ }}"})
        found, lines = problems(tmp_path)
        assert found == {"foo.Foo", "C"}
        assert len(lines) == 1
        assert lines[0].startswith("b.proto:3:")
        assert 'already defined in file "a.proto"' in lines[0]

    def test_broken_links_are_skipped(self, tmp_path: Path) -> None:
        """A link to itself, one to nothing, and a second name of a file."""
        write(tmp_path, {"foo.proto": FOO})
        for name, target in (("loop.proto", "loop.proto"), ("dead.proto", "nothing"), ("z.proto", "foo.proto")):
            (tmp_path / name).symlink_to(target)
        assert types(tmp_path) == {"foo.Foo"}

    def test_files_of_one_name_in_two_folders_are_both_read(self, tmp_path: Path) -> None:
        """The second is named relative to a parent folder, where no file shadows it."""
        write(tmp_path, {"one/a.proto": FOO, "two/a.proto": f"{PROTO3}message Bar {{ }}"})
        assert types(tmp_path / "one", tmp_path / "two") == {"foo.Foo", "Bar"}
        assert types(tmp_path / "one", includes=(tmp_path / "two",)) == {"foo.Foo"}

    def test_invalid_names_leave_the_other_files(self, tmp_path: Path) -> None:
        """Imports that are paths, and a file name that is not UTF-8."""
        importing = {
            name: f'{PROTO3}import "{word}";' for name, word in (("a", "./foo.proto"), ("s/b", "../foo.proto"))
        }
        write(
            tmp_path, {"foo.proto": FOO, "\udcff.proto": FOO, **{f"{n}.proto": text for n, text in importing.items()}}
        )
        found, lines = problems(tmp_path)
        assert found == {"foo.Foo"}
        assert [line.partition(":")[0] for line in lines] == ["\udcff.proto", "a.proto", "s/b.proto"]

    def test_import_cycle_has_no_hint_about_import_folders(self, tmp_path: Path) -> None:
        """-I cannot help there."""
        circle = {name: f'{PROTO3}import "{other}.proto";' for name, other in (("a", "b"), ("b", "c"), ("c", "a"))}
        write(tmp_path, {f"{name}.proto": text for name, text in circle.items()})
        with pytest.raises(SchemaFailed, match="recursively imports itself") as caught:
            load([tmp_path])
        assert "-I" not in caught.value.hint
        write(tmp_path, {"good.proto": FOO})
        found, lines = problems(tmp_path)
        assert found == {"foo.Foo"}
        assert len(lines) == 3

    def test_named_file_that_is_broken_is_an_error(self, tmp_path: Path) -> None:
        """In a folder it would be a problem of the set; a named file is required."""
        write(tmp_path, {"bad.proto": f"{PROTO3}message", "good.proto": FOO})
        with pytest.raises(SchemaFailed, match=r"bad\.proto:2:8"):
            load([tmp_path / "good.proto", tmp_path / "bad.proto"])

    def test_problems_are_kept_with_what_was_compiled(self, tmp_path: Path) -> None:
        """A second run, which compiles nothing, reports the same."""
        folder = write(tmp_path / "protos", {"bad.proto": f"{PROTO3}message", "good.proto": FOO})
        first, second = (load([folder], cache=tmp_path / "cache")[0].problems for _ in range(2))
        assert first == second
        assert len(first) == 1

    def test_broken_sets_and_modules_of_a_folder_are_problems(self, tmp_path: Path) -> None:
        """The valid ones are used."""
        good = FileDescriptorProto(name="a.proto")
        good.message_type.add(name="A")
        write(tmp_path / "sets", {"a.binpb": FileDescriptorSet(file=[good]).SerializeToString(), "b.binpb": b"\xff"})
        found, lines = problems(tmp_path / "sets")
        assert (found, [line.partition(" ")[0] for line in lines]) == ({"A"}, ["b.binpb"])
        module = f"x.AddSerializedFile({good.SerializeToString()!r})"
        write(tmp_path / "modules", {"a_pb2.py": module, "b_pb2.py": "1 +"})
        found, lines = problems(tmp_path / "modules")
        assert (found, [line.partition(" ")[0] for line in lines]) == ({"A"}, ["b_pb2.py"])
        with pytest.raises(SchemaFailed):
            load([tmp_path / "modules" / "b_pb2.py"])

    def test_broken_module_that_others_import_is_a_problem(self, tmp_path: Path) -> None:
        """The other modules are read, of the folder and of one module; each problem is listed once."""
        user = FileDescriptorProto(name="a.proto", dependency=["b.proto"])
        user.message_type.add(name="A")
        write(tmp_path, {"a_pb2.py": f"x.AddSerializedFile({user.SerializeToString()!r})", "b_pb2.py": "1 +"})
        for path in (tmp_path, tmp_path / "a_pb2.py"):
            (found,) = load([path])
            assert found.types == ("A",)
            assert sum("b_pb2.py" in problem for problem in found.problems) == 1


class TestPartialSets:
    def partial(self, folder: Path, files: Mapping[str, str], *names: str) -> SchemaSet:
        """Compile files, and make a set of some of them."""
        write(folder, files)
        outcome = folder / "set.binpb"
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", f"-o{outcome}", *names], check=True)
        return load([outcome])[0]

    def test_file_that_only_defines_options_may_be_missing(self, tmp_path: Path) -> None:
        """Options of a missing file stay unknown; no value needs them."""
        option = 'import "google/protobuf/descriptor.proto";\nextend google.protobuf.FieldOptions { bool o = 50000; }'
        files = {
            "opt.proto": f"{PROTO3}{option}",
            "a.proto": f'{PROTO3}import "opt.proto";\nmessage A {{ string a = 1 [(o) = true]; }}',
        }
        found = self.partial(tmp_path, files, "a.proto")
        assert (found.types, found.problems) == (("A",), ())
        kind = found.find("A")
        assert kind is not None
        assert str(kind.parse(b"\x0a\x01x")) == 'a: "x"\n'
        assert found.find_relaxed("A") is not None

    @pytest.mark.parametrize("how", ["", "weak ", "public "])
    def test_messages_with_missing_types_are_left_out(self, tmp_path: Path, how: str) -> None:
        """Those that need nothing of it are read; a problem names the others."""
        files = {
            "b.proto": f"{PROTO3}message B {{ }}",
            "a.proto": f'{PROTO3}import {how}"b.proto";\nmessage A {{ A a = 1; }}\n'
            "message Uses { map<int32, B> b = 1; }\n"
            "message Outer { message Inner { B b = 1; } string s = 1; }\nmessage Next { Uses u = 1; }\n"
            "service S { rpc R(B) returns (A); }",
        }
        found = self.partial(tmp_path, files, "a.proto")
        assert set(found.types) == {"A", "Outer"}
        assert found.problems == ("a.proto imports b.proto, which is missing; left out: Next, Outer.Inner, Uses",)

    def test_public_import_that_leads_to_a_type_may_be_missing(self, tmp_path: Path) -> None:
        """The type itself is present."""
        files = {
            "leaf.proto": f"{PROTO3}message Leaf {{ }}",
            "middle.proto": f'{PROTO3}import public "leaf.proto";',
            "a.proto": f'{PROTO3}import "middle.proto";\nmessage A {{ Leaf leaf = 1; }}',
        }
        found = self.partial(tmp_path, files, "a.proto", "leaf.proto")
        assert (set(found.types), found.problems) == ({"A", "Leaf"}, ())
