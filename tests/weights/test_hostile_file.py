"""Files that try to run code, or to use up memory and time: nothing of them is run."""

import io
import os
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from facebench.errors import StageError
from facebench.weights.foreign_file import read_foreign
from facebench.weights.inert_object import Damaged, EndsEarly
from facebench.weights.inert_pickle import _Machine, load

WEIGHTS = {"w": torch.arange(6.0).view(2, 3)}


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def call(function: bytes, *arguments: bytes, how: bytes = b"R") -> bytes:
    return function + b"(" + b"".join(arguments) + b"t" + how


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def system(mark: str) -> bytes:
    return call(named("os", "system"), text(f"touch {mark}"))


def saved(content: Any, **settings: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, **settings)
    return stream.getvalue()


def getattr_chain(mark: str) -> bytes:
    module = call(named("builtins", "__import__"), text("os"))
    return call(call(named("builtins", "getattr"), module, text("system")), text(f"touch {mark}"))


def nested(mark: str) -> bytes:
    inner = b"\x80\x02" + system(mark) + b"."
    data = b"B" + struct.pack("<I", len(inner)) + inner
    return call(named("pickle", "loads"), data)


def by_memo(mark: str) -> bytes:
    """A name that is kept in the memo and called later, between values that are thrown away."""
    return (
        named("os", "system") + b"q\x7f0" + text(f"touch {mark}") + b"q\x7e0"
        + call(b"h\x7f", b"h\x7e") + b"2" + b"0"
    )  # fmt: skip


def open_call(mark: str) -> str:
    return f"open({mark!r}, 'w').close()"


# What each pushes one value with, and makes the file `mark` when a plain unpickler reads it.
ATTACKS: dict[str, Callable[[str], bytes]] = {
    "os.system": system,
    "builtins.eval": lambda mark: call(named("builtins", "eval"), text(open_call(mark))),
    "builtins.exec": lambda mark: call(named("builtins", "exec"), text(open_call(mark))),
    "builtins.getattr": getattr_chain,
    "pickle.loads": nested,
    "memo": by_memo,
    "pathlib.Path.touch": lambda mark: call(
        named("pathlib", "Path.touch"), call(named("pathlib", "PosixPath"), text(mark))
    ),
    "stack global": lambda mark: (
        call(text("os") + text("system") + b"\x93", text(f"touch {mark}"))
    ),
    "instance": lambda mark: f"(S'touch {mark}'\nios\nsystem\n".encode(),
    "object": lambda mark: b"(" + named("os", "system") + text(f"touch {mark}") + b"o",
    "state": lambda mark: (
        call(named("types", "SimpleNamespace")) + b"}" + text("a") + system(mark) + b"sb"
    ),
    "torch.utils.data.dataloader": lambda mark: call(
        named("torch.serialization", "os.system"), text(f"touch {mark}")
    ),
    "torch.hub._load_local": lambda mark: call(
        named("torch.utils.cpp_extension", "subprocess.getoutput"), text(f"touch {mark}")
    ),
}  # fmt: skip


def hostile_zip(path: Path, fragment: bytes) -> None:
    """Write ``{"w": a tensor, "epoch": ...}`` as torch does, with one value replaced."""
    with zipfile.ZipFile(io.BytesIO(saved(WEIGHTS))) as good, zipfile.ZipFile(path, "w") as bad:
        for info in good.infolist():
            data = good.read(info)
            if info.filename.endswith("/data.pkl"):
                # Protocol 4: what names are looked up by may hold dots.
                data = b"\x80\x04" + data[2:-1] + text("epoch") + fragment + b"s."
            bad.writestr(info.filename, data)


@pytest.mark.parametrize("name", ATTACKS)
def test_what_would_run_code_is_read_without_running_it(tmp_path: Path, name: str) -> None:
    mark, file = tmp_path / "was-here", tmp_path / "best.pth"
    hostile_zip(file, ATTACKS[name](str(mark)))
    read = read_foreign(file)
    assert not mark.exists()
    assert torch.equal(read.tensors["w"], WEIGHTS["w"])
    assert read.placeholders
    asked = {part.partition("()")[0].split(".")[-1] for part in read.placeholders}
    assert asked & {"system", "eval", "exec", "getattr", "loads", "touch", "getoutput"}
    if name not in ("instance",):  # a text of Python 2
        torch.load(file, weights_only=False)  # the file does what it was built for
        assert mark.exists()


class Reduced:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_old_files_and_all_protocols_are_read_without_running_them(
    tmp_path: Path, protocol: int
) -> None:
    mark = tmp_path / "was-here"
    content = {
        "state_dict": WEIGHTS,
        "epoch": Reduced(f"touch {mark}"),
        3: Reduced(f"touch {mark}"),
    }
    for zipped in (True, False):
        file = tmp_path / f"{zipped}.pth"
        file.write_bytes(
            saved(content, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
        )
        read = read_foreign(file)
        assert not mark.exists()
        assert torch.equal(read.tensors["state_dict.w"], WEIGHTS["w"])
        assert read.placeholders == ("posix.system",)
        assert read.others == ("epoch", "3")
        torch.load(file, weights_only=False)
        assert mark.exists()
        mark.unlink()


def tensor(
    numel: int = 6, offset: int = 0,
    size: tuple[int, ...] = (2, 3), stride: tuple[int, ...] = (3, 1),
    rebuild: str = "torch._utils _rebuild_tensor_v2", storage: str = "torch FloatStorage",
) -> bytes:  # fmt: skip
    """Return a tensor as torch's pickles have it."""

    def number(value: int) -> bytes:
        return b"\x8a\x08" + struct.pack("<q", value)

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    place = named(*storage.split()) + text("0") + text("cpu") + number(numel)
    of = b"(" + text("storage") + place + b"tQ"
    rest = numbers(size) + numbers(stride) + b"\x89" + named("collections", "OrderedDict") + b")R"
    return call(named(*rebuild.split()), of, number(offset), rest)


def one_tensor(path: Path, fragment: bytes) -> Path:
    """Write ``{"v": ...}`` beside the storage of ``w``."""
    hostile_zip(path, b"N" + b"s" + text("v") + fragment)
    return path


def test_the_fragments_are_those_of_torch(tmp_path: Path) -> None:
    read = read_foreign(one_tensor(tmp_path / "a.pth", tensor()))
    assert torch.equal(read.tensors["v"], WEIGHTS["w"])
    assert read.placeholders == ()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"numel": 2**61}, "has 24 bytes for"),
        ({"numel": -1}, "size is no number of elements"),
        ({"size": (2**40, 2**20)}, "a tensor of size"),
        ({"size": (7,), "stride": (1,)}, "a tensor of size [7] in 24 bytes"),
        ({"size": (2, 3), "stride": (2**61, 1)}, "a tensor of size"),
        ({"offset": 1}, "a tensor of size"),
        ({"offset": -4}, "is no number of elements"),
    ],
)
def test_sizes_that_are_not_in_the_file_are_refused(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    file = one_tensor(tmp_path / "a.pth", tensor(**changed))
    with pytest.raises(StageError) as caught:
        read_foreign(file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"rebuild": "torch._utils _rebuild_qtensor"},
        {"rebuild": "torch._utils _rebuild_wrapper_subclass"},
        {"rebuild": "os system"},
        {"storage": "torch QInt8Storage"},
        {"storage": "os system"},
    ],
)
def test_a_tensor_that_needs_another_object_is_named(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    read = read_foreign(one_tensor(tmp_path / "a.pth", tensor(**changed)))
    needed = ".".join(next(iter(changed.values())).split())
    assert set(read.opaque) == {"v"}
    assert read.placeholders == (needed,)
    assert set(read.tensors) == {"w"}


def test_tensors_alone_that_need_another_object_are_refused(tmp_path: Path) -> None:
    hidden = b"0}" + text("v") + tensor(rebuild="torch._utils _rebuild_qtensor")
    hostile_zip(tmp_path / "a.pth", b"N" + b"s" + hidden)
    with pytest.raises(StageError, match=r"v is a tensor only by .*_rebuild_qtensor, which is not"):
        read_foreign(tmp_path / "a.pth")


def test_a_long_chain_of_containers_takes_neither_time_nor_the_stack(tmp_path: Path) -> None:
    deep = 60_000
    fragments = {
        "deep": b")" + b"\x85" * deep,  # ((((...),),),)
        "deep key": b"}" + b")" + b"\x85" * deep + b"Ns",  # a plain unpickler hashes it, and ends
        "doubled key": b"})" + b"2\x86" * 200 + b"Ns",  # 2**200 elements are hashed
        "doubled": b"}" + (b"q\x01}" + text("a") + b"h\x01s" + text("b") + b"h\x01s") * 60,
    }
    for name, fragment in fragments.items():
        hostile_zip(tmp_path / f"{name}.pth", fragment)
        if name == "doubled":
            with pytest.raises(StageError, match="more than 200000 entries"):
                read_foreign(tmp_path / f"{name}.pth")
        else:
            assert set(read_foreign(tmp_path / f"{name}.pth").tensors) == {"w"}


def test_a_pickle_that_claims_more_than_it_has_is_refused() -> None:
    for data, error in (
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.", EndsEarly),  # so many bytes
        (b"\x80\x04X" + struct.pack("<I", 2**31) + b"x.", EndsEarly),
        (b"\x80\x02h\x05.", Damaged),  # what is not in the memo
        (b"\x80\x02R.", Damaged),
        (b"\x80\x02}NNs0.", Damaged),
        (b"\x80\x05\x97.", Damaged),  # a buffer outside the file
        (b"\x80\x02\xff.", Damaged),
        (b"\x80\x02](K\x01", EndsEarly),
        (b"", EndsEarly),
    ):
        with pytest.raises(error):
            load(io.BytesIO(data))
    assert load(io.BytesIO(b"\x80\x02Nr\xff\xff\xff\x7f.")).value is None  # no table so long
    assert load(io.BytesIO(b"\x82\x01.")).names == {"copyreg extension 1"}


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_are_what_a_plain_unpickler_gives(protocol: int) -> None:
    value = {
        "list": [1, -2, 2**70, 2.5, None, True, "ü\n", [[]]], "tuples": ((), (1,), (1, 2, 3, 4)),
        3: {"a": {"b": 1}}, (1, "x"): -0.0, None: "n", "same": [7] * 3,
    }  # fmt: skip
    stream = io.BytesIO(pickle.dumps(value, protocol=protocol) + b"rest")
    assert load(stream).value == value
    assert stream.read() == b"rest"


def test_every_operation_of_pickle_is_read_or_refused() -> None:
    unknown = set()
    for operation in pickletools.opcodes:
        try:
            _Machine().step(operation.name, "a b")
        except Damaged as error:
            unknown |= {operation.name} if "operation" in str(error) else set()
        except (IndexError, KeyError):  # of an empty stack
            continue
    assert unknown == {"NEXT_BUFFER", "READONLY_BUFFER"}  # what is outside the file
