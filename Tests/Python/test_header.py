"""_ffi.py against Include/bgjobs.h, as clang reads it and as gcc lays it out."""

import ast
import ctypes
import json
import os
import re
import shutil
import subprocess

import pytest

import bgjobs
from bgjobs import _ffi
from conftest import ROOT, SOURCES

HEADER = ROOT / "Include" / "bgjobs.h"
CLANG = os.environ.get("CLANG") or shutil.which("clang")
GCC = os.environ.get("GCC") or shutil.which("gcc")

needs_clang = pytest.mark.skipif(not CLANG, reason="clang is not there")
needs_gcc = pytest.mark.skipif(not GCC, reason="gcc is not there")


@pytest.fixture(scope="module")
def declarations():
    """The header's own declarations, in order."""
    tree = subprocess.run(
        [CLANG, "-x", "c", "-Xclang", "-ast-dump=json", "-fsyntax-only", str(HEADER)],
        check=True,
        capture_output=True,
    ).stdout
    every = json.loads(tree)["inner"]
    return [one for one in every if one.get("name", "").startswith("bgj_")]


def c_types(kind):
    """All spellings of a ctypes type that mean the same to the machine."""
    simple = {
        None: {"void"},
        ctypes.c_int: {"int", "bgj_status", "bgj_job_status", "bgj_clock_id", "bgj_item_state"},
        ctypes.c_uint: {"unsigned int"},
        ctypes.c_int64: {"int64_t"},
        ctypes.c_uint64: {"uint64_t", "size_t"},  # one ctypes class
        ctypes.c_double: {"double"},
        ctypes.c_char_p: {"const char *", "char *"},
        ctypes.c_void_p: {"void *"},
        _ffi.bgj_clock: {"bgj_clock"},
        ctypes.POINTER(ctypes.c_char_p): {"char **", "const char *const *"},
        ctypes.POINTER(ctypes.c_size_t): {"size_t *"},
        ctypes.POINTER(ctypes.c_int64): {"int64_t *"},
        ctypes.POINTER(ctypes.c_int): {"bgj_job_status *"},
        ctypes.c_char * 496: {"char[496]"},
    }
    if kind in simple:
        return simple[kind]
    stars = ""
    while issubclass(kind, ctypes._Pointer):
        stars += "*"
        kind = kind._type_
    return {f"{kind.__name__} {stars}", f"const {kind.__name__} {stars}"}


@needs_clang
def test_functions(declarations):
    functions = [one for one in declarations if one["kind"] == "FunctionDecl"]
    assert len(functions) > 40
    for function in functions:
        ours = getattr(_ffi, function["name"])
        result = function["type"]["qualType"].partition("(")[0].strip()
        parameters = [one for one in function.get("inner", []) if one["kind"] == "ParmVarDecl"]
        assert ours.__name__ == function["name"]
        assert result in c_types(ours.restype), function["name"]
        assert ours.argument_names == [one["name"] for one in parameters], function["name"]
        assert len(ours.argtypes) == len(parameters)
        for kind, parameter in zip(ours.argtypes, parameters):
            place = f"{function['name']}: {parameter['name']}"
            assert parameter["type"]["qualType"] in c_types(kind), place


@needs_clang
def test_structs(declarations):
    structs = [one for one in declarations if one["kind"] == "RecordDecl" and "inner" in one]
    names = {"bgj_error", "bgj_options", "bgj_start_options", "bgj_job_info", "bgj_item"}
    names |= {"bgj_queue_options", "bgj_claim_options"}
    assert {one["name"] for one in structs} == names
    for struct in structs:
        fields = [one for one in struct["inner"] if one["kind"] == "FieldDecl"]
        ours = getattr(_ffi, struct["name"])._fields_
        assert [name for name, _ in ours] == [one["name"] for one in fields]
        for (name, kind), field in zip(ours, fields):
            assert field["type"]["qualType"] in c_types(kind), f"{struct['name']}.{name}"


@needs_clang
def test_enums(declarations):
    constants = {}
    for enum in (one for one in declarations if one["kind"] == "EnumDecl"):
        for constant in enum["inner"]:
            if constant["kind"] == "EnumConstantDecl":
                constants[constant["name"]] = int(constant["inner"][0]["value"])
    assert len(constants) > 25
    for name, value in constants.items():
        assert getattr(_ffi, name) == value, name


@needs_gcc
def test_macros_and_layout(tmp_path):
    """Numbers that are no enum, sizes, offsets, and what each _INIT makes."""
    macros = re.findall(
        r"^#define (BGJ_(?:VERSION|MASK|OPEN|START|QUEUE|CLAIM|AFTER|ITEM|CLEANUP)_\w+) ",
        HEADER.read_text(),
        re.M,
    )
    numbers = [name for name in macros if not name.endswith("_INIT")]
    assert len(numbers) == 36
    inits = {
        "bgj_error": "BGJ_ERROR_INIT",
        "bgj_options": "BGJ_OPTIONS_INIT",
        "bgj_start_options": "BGJ_START_OPTIONS_INIT",
        "bgj_job_info": "BGJ_JOB_INFO_INIT",
        "bgj_queue_options": "BGJ_QUEUE_OPTIONS_INIT",
        "bgj_claim_options": "BGJ_CLAIM_OPTIONS_INIT",
        "bgj_item": "BGJ_ITEM_INIT",
    }
    lines = [f'printf("{name} %lld\\n", (long long){name});' for name in numbers]
    for struct, init in inits.items():
        for field, _ in getattr(_ffi, struct)._fields_:
            lines.append(f'printf("{struct}.{field} %zu\\n", offsetof({struct}, {field}));')
        lines.append(
            f'static {struct} {struct}_ = {init}; printf("{struct} %zu\\n{init} ",'
            f" sizeof {struct}_); for (size_t i = 0; i < sizeof {struct}_; i++)"
            f' printf("%02x", ((unsigned char *)&{struct}_)[i]); puts("");'
        )
    source = tmp_path / "layout.c"
    source.write_text(
        "#include <bgjobs.h>\n#include <stdio.h>\nint main(void) {" + "\n".join(lines) + "}\n"
    )
    program = tmp_path / "layout"
    subprocess.run([GCC, f"-I{HEADER.parent}", source, "-o", program], check=True)
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    found = dict(line.split() for line in said.splitlines())

    for name in numbers:
        assert getattr(_ffi, name) == int(found[name]), name
    for struct, init in inits.items():
        ours = getattr(_ffi, struct)
        assert ctypes.sizeof(ours) == int(found[struct])
        for field, _ in ours._fields_:
            assert getattr(ours, field).offset == int(found[f"{struct}.{field}"])
        assert bytes(getattr(_ffi, init)()).hex() == found[init]


@needs_clang
def test_order(declarations):
    """Whoever reads the two side by side finds everything in its place."""
    text = HEADER.read_bytes()
    macros = re.finditer(rb"^#define (BGJ_\w+)(?= )", text, re.M)
    places = [(found.start(), found[1].decode()) for found in macros]
    for one in declarations:
        if one["kind"] in ("FunctionDecl", "RecordDecl", "EnumDecl"):
            places.append((one["loc"]["offset"], one["name"]))
        if one["kind"] == "EnumDecl":
            places += [(c["loc"]["offset"], c["name"]) for c in one["inner"]]
    expected = list(dict.fromkeys(name for _, name in sorted(places)))
    expected.remove("BGJ_API")

    ours = []
    for node in ast.parse((SOURCES / "bgjobs" / "_ffi.py").read_text()).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            ours.append(node.name)
        elif isinstance(node, ast.Assign):
            ours.append(node.targets[0].id)
    assert [name for name in ours if name in expected] == expected
    assert all(hasattr(_ffi, name) for name in expected)


def test_versions():
    text = HEADER.read_text()
    parts = [re.search(rf"BGJ_VERSION_{p} (\d+)", text)[1] for p in ("MAJOR", "MINOR", "PATCH")]
    assert bgjobs.__version__ == ".".join(parts) == bgjobs.library_version()
