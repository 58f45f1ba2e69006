"""Schema sets from .proto files, descriptor sets and generated modules."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileOptions

from explorer.codecs.protobuf import protoc
from explorer.codecs.protobuf.proto_paths import ProtoLayout
from explorer.codecs.protobuf.schema_files import load
from explorer.codecs.protobuf.schemas import Schemas, SchemaSet
from explorer.model.errors import SchemaFailed
from tests.codecs.common import PROTOS, installed

PERSON = 'syntax = "proto3"; package p; message Person { string name = 1; }'


def write(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        (folder / f"{name}.proto").write_text(content)
    return folder


def fails(*paths: Path, includes: tuple[Path, ...] = ()) -> SchemaFailed:
    with pytest.raises(SchemaFailed) as caught:
        Schemas(load(paths, includes))
    assert "\n" not in f"{caught.value}{caught.value.hint}"
    return caught.value


class TestProtoFiles:
    def test_folder_is_compiled_as_a_whole(self, tmp_path: Path) -> None:
        """All files of a folder are compiled together."""
        write(
            tmp_path,
            a='syntax = "proto3"; import "b.proto"; message A { B b = 1; }',
            b=PERSON.replace("package p;", "").replace("Person", "B"),
        )
        assert Schemas(load([tmp_path])).types() == ("B", "A")

    def test_imports_are_found_in_import_folders(self, tmp_path: Path) -> None:
        """Imports are found in the given import folders."""
        (tmp_path / "third").mkdir()
        write(tmp_path / "third", person=PERSON)
        (tmp_path / "own").mkdir()
        write(tmp_path / "own", a='syntax = "proto3"; import "person.proto"; message A { p.Person who = 1; }')
        error = fails(tmp_path / "own" / "a.proto")
        assert "person.proto" in error.message
        assert "-I" in error.hint
        assert "A" in Schemas(load([tmp_path / "own" / "a.proto"], [tmp_path / "third"])).types()

    def test_compile_error_has_file_line_and_column(self, tmp_path: Path) -> None:
        """An error has file, line and column."""
        write(tmp_path, a='syntax = "proto3";\nmessage A {\n  Nothing x = 1;\n}')
        assert fails(tmp_path).message == f'{tmp_path}/a.proto:3:3: "Nothing" is not defined.'

    def test_compiler_timeout_is_an_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A compiler that hangs is stopped."""
        monkeypatch.setattr(protoc, "_COMPILE_TIMEOUT", 0.001)
        assert "not compiled within" in fails(write(tmp_path, a=PERSON)).message

    def test_compiler_imports_nothing_of_current_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Modules in the current folder are not imported."""
        (tmp_path / "grpc_tools").mkdir()
        (tmp_path / "grpc_tools" / "__init__.py").write_text("raise SystemExit('hijacked')")
        monkeypatch.chdir(tmp_path)
        assert Schemas(load([write(tmp_path, a=PERSON) / "a.proto"])).types() == ("p.Person",)

    @pytest.mark.parametrize("name", ["with space", "@words", "-option", "ünïcode"])
    def test_compile_accepts_any_file_name(self, tmp_path: Path, name: str) -> None:
        """Any file name compiles."""
        assert Schemas(load([write(tmp_path, **{name: PERSON}) / f"{name}.proto"])).types() == ("p.Person",)

    def test_well_known_types_need_no_import_folder(self, tmp_path: Path) -> None:
        """Well-known types need no import folder."""
        write(
            tmp_path,
            a='syntax = "proto3"; import "google/protobuf/any.proto"; message A { google.protobuf.Any a = 1; }',
        )
        assert Schemas(load([tmp_path])).types() == ("A",)


class TestCache:
    @pytest.fixture(autouse=True)
    def runs(self, monkeypatch: pytest.MonkeyPatch) -> list[object]:
        """Return the runs of the real compiler."""
        seen: list[object] = []
        run = protoc._compile  # noqa: SLF001 - counted, not replaced

        def counted(layout: ProtoLayout) -> tuple[bytes, Sequence[tuple[str, str]]]:
            seen.append(layout)
            return run(layout)

        monkeypatch.setattr(protoc, "_compile", counted)
        return seen

    def test_cache_is_used_until_a_file_changes(self, tmp_path: Path, runs: list[object]) -> None:
        """Results are cached until a file changes."""
        protos, cache = tmp_path / "protos", tmp_path / "cache"
        protos.mkdir()
        write(protos, a='syntax = "proto3"; import "b.proto"; message A { p.Person b = 1; }', b=PERSON)
        for _ in range(3):
            assert "p.Person" in Schemas(load([protos / "a.proto"], cache=cache)).types()
        assert len(runs) == 1
        write(protos, b=PERSON.replace("}", "int32 age = 2; } message New {}"))
        assert "p.New" in Schemas(load([protos / "a.proto"], cache=cache)).types()
        assert len(runs) == 2

    def test_cache_depends_on_import_folder_order(self, tmp_path: Path, runs: list[object]) -> None:
        """Another order of import folders compiles again."""
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
        write(tmp_path / "second", b=PERSON)
        write(tmp_path, a='syntax = "proto3"; import "b.proto";')
        includes = [tmp_path / "first", tmp_path / "second"]
        load([tmp_path / "a.proto"], includes, cache=tmp_path / "cache")
        write(tmp_path / "first", b=PERSON.replace("Person", "Other"))
        assert Schemas(load([tmp_path / "a.proto"], includes, cache=tmp_path / "cache")).types() == ("p.Other",)
        assert len(runs) == 2

    def test_corrupt_cache_is_compiled_again(self, tmp_path: Path, runs: list[object]) -> None:
        """A corrupt cached result is compiled again."""
        protos = write(tmp_path, a=PERSON)
        load([protos / "a.proto"], cache=tmp_path / "cache")
        (kept,) = (tmp_path / "cache").iterdir()
        kept.write_bytes(b"\xff")
        assert Schemas(load([protos / "a.proto"], cache=tmp_path / "cache")).types() == ("p.Person",)
        assert len(runs) == 2

    def test_unwritable_cache_is_ignored(self, tmp_path: Path) -> None:
        """A cache that cannot be written is not used."""
        (tmp_path / "cache").write_text("a file")
        assert load([write(tmp_path, a=PERSON) / "a.proto"], cache=tmp_path / "cache")


class TestDescriptorSets:
    def compiled(self, folder: Path, *options: str) -> Path:
        outcome = folder / "set.binpb"
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", f"-o{outcome}", *options, "a.proto"]
        subprocess.run(command, check=True)
        return outcome

    def test_descriptor_set_with_source_info_is_read(self, tmp_path: Path) -> None:
        """A set with source locations is read."""
        write(tmp_path, a=PERSON)
        assert Schemas(load([self.compiled(tmp_path, "--include_source_info")])).types() == ("p.Person",)

    def test_descriptor_set_without_builtin_files_is_read(self, tmp_path: Path) -> None:
        """A set without the library's files is read."""
        write(
            tmp_path,
            a='syntax = "proto3"; import "google/protobuf/struct.proto"; message A { google.protobuf.Struct s = 1; }',
        )
        schemas = Schemas(load([self.compiled(tmp_path)]))
        assert schemas.find("A") is not None
        assert schemas.find("google.protobuf.Struct") is not None

    def test_descriptor_set_names_its_missing_import(self, tmp_path: Path) -> None:
        """A set without an import names it."""
        write(tmp_path, a='syntax = "proto3"; import "b.proto"; message A { p.Person b = 1; }', b=PERSON)
        assert "a.proto imports b.proto" in fails(self.compiled(tmp_path)).message

    @pytest.mark.parametrize("content", [b"", b"\xff\xff", b"text"], ids=["empty", "broken", "text"])
    def test_invalid_descriptor_set_is_an_error(self, tmp_path: Path, content: bytes) -> None:
        """A file that is not a descriptor set is an error."""
        (tmp_path / "x.binpb").write_bytes(content)
        assert "x.binpb" in fails(tmp_path / "x.binpb").message

    def test_conflicting_files_are_an_error(self) -> None:
        """The first is used, the other is a problem."""
        files = [
            FileDescriptorProto(name=name, message_type=[DescriptorProto(name="Same")])
            for name in ("a.proto", "b.proto")
        ]
        found = SchemaSet("s", files)
        assert found.types == ("Same",)
        assert [problem.partition(":")[0] for problem in found.problems] == ["b.proto"]

    def test_import_cycle_is_an_error(self) -> None:
        """Files that import each other are an error."""
        files = [FileDescriptorProto(name="a", dependency=["b"]), FileDescriptorProto(name="b", dependency=["a"])]
        with pytest.raises(SchemaFailed, match="import each other"):
            SchemaSet("s", files)


class TestGeneratedModules:
    def test_generated_package_of_voltha_is_read(self) -> None:
        """The generated modules of VOLTHA's package are read."""
        types = Schemas(load([installed("voltha_protos")])).types()
        assert {"device.Device", "device.Port", "logical_device.LogicalDevice", "openflow_13.ofp_match"} <= set(types)

    def test_generated_module_includes_its_imports(self) -> None:
        """A module is read with the modules that it imports."""
        schemas = Schemas(load([installed("voltha_protos") / "device_pb2.py"]))
        assert schemas.find("device.Device") is not None
        assert schemas.find("openflow_13.ofp_match") is not None

    def test_generated_module_is_never_run(self, tmp_path: Path) -> None:
        """A module is parsed, never run."""
        data = FileDescriptorProto(name="evil.proto", message_type=[DescriptorProto(name="M")]).SerializeToString()
        (tmp_path / "evil_pb2.py").write_text(f"import sys\nsys.exit('run')\npool.AddSerializedFile({data!r})\n")
        assert Schemas(load([tmp_path / "evil_pb2.py"])).types() == ("M",)

    @pytest.mark.parametrize("given", ["serialized_pb={!r}", "serialized_pb=_b({!r})"])
    def test_generated_modules_of_old_compilers_are_read(self, tmp_path: Path, given: str) -> None:
        """Modules of older compilers are read."""
        data = FileDescriptorProto(
            name="old.proto", message_type=[DescriptorProto(name="M")], options=FileOptions(java_package="ü")
        ).SerializeToString()
        value = data if "_b" not in given else data.decode("latin-1")
        (tmp_path / "old_pb2.py").write_text(
            f"DESCRIPTOR = _descriptor.FileDescriptor(name='x', {given.format(value)})"
        )
        assert Schemas(load([tmp_path])).types() == ("M",)

    @pytest.mark.parametrize("content", ["", "1 +", "x.AddSerializedFile(b'\\xff')", "(" * 10_000, "\0"])
    def test_invalid_generated_module_is_an_error(self, tmp_path: Path, content: str) -> None:
        """A file that is not a generated module is an error."""
        (tmp_path / "x_pb2.py").write_text(content)
        assert "x_pb2.py" in fails(tmp_path / "x_pb2.py").message


class TestPlaces:
    def test_unknown_path_or_format_is_an_error(self, tmp_path: Path) -> None:
        """A missing path or an unknown format is an error with the known formats."""
        (tmp_path / "x.txt").write_text("")
        assert "does not exist" in fails(tmp_path / "nothing").message
        assert ".proto" in fails(tmp_path / "x.txt").hint
        assert "has no schema" in fails(tmp_path).message

    def test_two_versions_of_a_schema_do_not_conflict(self, tmp_path: Path) -> None:
        """Two versions of one schema are both usable."""
        sets = []
        for name, kind in (("old", "string"), ("new", "int32")):
            (tmp_path / name).mkdir()
            write(tmp_path / name, a=f'syntax = "proto3"; message M {{ {kind} x = 1; }}')
            sets += load([tmp_path / name], name=name)
        schemas = Schemas(sets)
        assert schemas.types() == ("M",)
        kinds = [schemas.find("M", name) for name in (None, "old", "new", "other")]
        assert [kind and kind.schema for kind in kinds] == ["old", "old", "new", None]

    def test_suggest_finds_a_similar_name(self) -> None:
        """A misspelled name has a suggestion."""
        schemas = Schemas(load([PROTOS]))
        assert schemas.suggest("wrong.Leaf") == "edges.three.Leaf"
        assert schemas.suggest("edges.tree.Laef") == "edges.three.Leaf"
        assert schemas.suggest("nothing.of.the.kind") is None

    def test_types_include_nested_but_not_map_entries(self) -> None:
        """Nested types are listed, map entries are not."""
        types = Schemas(load([PROTOS])).types()
        assert "edges.two.Edge.Grouped" in types
        assert not any("Entry" in name for name in types)


def test_googleapis_common_protos_compile() -> None:
    """The common protos of Google compile unchanged."""
    site = installed("google.api").parents[1]
    schemas = Schemas(load([site / "google" / "rpc", site / "google" / "type"], [site]))
    for name in ("google.rpc.Status", "google.type.Money"):
        assert schemas.find(name) is not None
