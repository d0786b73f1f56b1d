"""Maps to memory the zip archives that PyTorch writes, and checks them before anything is read.

Python's `zipfile` reads the table of contents. The records themselves are read from the mapped
file, without unpacking: PyTorch never compresses those of tensors, so that none can expand.
"""

import io
import mmap
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ila_jax.weights.foreign.other_files import of_zip

_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, lengths of the name and of the extra field
# Limits far above what any model needs: beyond them a file is made to fill the memory.
# Records that TorchScript compresses are source code: small, and not read here.
_MOST_COMPRESSED = 64 << 20  # bytes, of all compressed records when unpacked
_MOST_PICKLE = 256 << 20  # bytes, of the names and shapes of tensors
_MOST_ENTRIES = 200_000


@dataclass(frozen=True)
class Record:
    """Where the bytes of a record lie in the file: from `start`, `size` of them.

    crc: the checksum, CRC-32, that the archive gives. stored: not compressed.
    """

    start: int
    size: int
    crc: int
    stored: bool


class Archive:
    """A checked zip archive. root: the folder in it that all of PyTorch's records lie in."""

    def __init__(self, file: mmap.mmap, records: dict[str, Record], root: str):
        self._file, self._records, self._root = file, records, root

    def __contains__(self, name: str) -> bool:
        return self._root + name in self._records

    def has_folder(self, name: str) -> bool:
        """Whether there is a record in a folder of this name."""
        return any(record.startswith(f"{self._root}{name}/") for record in self._records)

    def view(self, name: str) -> memoryview:
        """The bytes of a record, mapped. Errors: ValueError when it is missing or damaged."""
        record = self._records.get(self._root + name)
        if record is None:
            raise ValueError(f"the archive has no record {name}: the file is incomplete")
        if not record.stored:
            raise ValueError(
                f"its record {name} is compressed, which PyTorch never does: unpack and save the "
                "weights again with torch.save"
            )
        # Compared at each reading: of a record that nobody reads, nobody needs to wait for it.
        view = memoryview(self._file)[record.start : record.start + record.size]
        if zlib.crc32(view) != record.crc:
            raise ValueError(f"its record {name} is damaged (the checksum differs): get it again")
        return view

    def pickle(self, name: str) -> io.BytesIO:
        """A record as a file. Errors: ValueError when it is missing, damaged or too large."""
        view = self.view(name)
        if len(view) > _MOST_PICKLE:
            raise ValueError(f"its record {name} has {len(view)} bytes: too long a list of names")
        return io.BytesIO(view)


def open_archive(path: Path, file: mmap.mmap) -> Archive:
    """The archive of PyTorch in a file. file: the same file, mapped.

    Errors: ValueError for a zip file that is broken, hostile or of something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise ValueError(
            f"it is cut off or damaged, its table of contents cannot be read ({error}): get it "
            "again and compare its size"
        ) from error
    # Before anything is searched in it.
    _check(entries, len(file))
    roots = {e.filename.removesuffix("data.pkl") for e in entries if _is_index(e.filename)}
    if len(roots) != 1:
        names = [entry.filename for entry in entries]
        raise ValueError(
            "it is a zip archive, but not one that PyTorch wrote"
            + (
                of_zip(names)
                or f": expected one FOLDER/data.pkl, found {len(roots)} in "
                f"{', '.join(names[:3]) or 'no entries'}"
            )
        )
    records = {entry.filename: _record(entry, file) for entry in entries}
    return Archive(file, records, roots.pop())


def _is_index(name: str) -> bool:
    """Whether this is PyTorch's index of tensors, which lies in the one folder of the archive."""
    return name.count("/") == 1 and name.endswith("/data.pkl")


def _check(entries: list[zipfile.ZipInfo], length: int) -> None:
    """Refuses what could escape a folder or fill the memory, before a byte of it is expanded.

    length: the length of the file, in bytes. Errors: ValueError.
    """
    if len(entries) > _MOST_ENTRIES or len({e.filename for e in entries}) != len(entries):
        raise ValueError(f"it has {len(entries)} entries, some of one name: no archive of weights")
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename:
            raise ValueError(
                f"it has an entry {entry.filename!r} that would lie outside its folder: "
                "such archives are made to overwrite files, nothing was unpacked"
            )
        # The lowest bit of the flags says that an entry is encrypted.
        if entry.flag_bits & 1:
            raise ValueError(f"its entry {entry.filename} is encrypted: decrypt it first")
    expanded = sum(e.file_size for e in entries if e.compress_type != zipfile.ZIP_STORED)
    stored = sum(e.file_size for e in entries if e.compress_type == zipfile.ZIP_STORED)
    packed = sum(e.compress_size for e in entries)
    # Entries that together are longer than the file overlap: the trick of the zip bombs that unpack
    # the same bytes again and again.
    if expanded > _MOST_COMPRESSED or stored > length or packed > length:
        raise ValueError(
            f"it has {length} bytes and would expand to {expanded + stored}: a zip bomb or "
            "damaged, nothing was unpacked"
        )


def _record(entry: zipfile.ZipInfo, file: mmap.mmap) -> Record:
    """Where a record lies. Errors: ValueError where that is not within the file."""
    # The local header repeats the name, and has an extra field of a length of its own, which the
    # table of contents does not tell: PyTorch pads with it, so that tensors are aligned.
    at = entry.header_offset
    header = file[at : at + _LOCAL_HEADER.size]
    if at < 0 or len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
        raise ValueError(f"its entry {entry.filename} is missing: the file is damaged")
    _, name, extra = _LOCAL_HEADER.unpack(header)
    start = at + _LOCAL_HEADER.size + name + extra
    if start + entry.compress_size > len(file):
        raise ValueError(f"its entry {entry.filename} is cut off: get the file again")
    stored = entry.compress_type == zipfile.ZIP_STORED and entry.file_size == entry.compress_size
    return Record(start, entry.file_size, entry.CRC, stored)
