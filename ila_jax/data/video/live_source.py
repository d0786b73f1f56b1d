"""Names what gives live pictures, a camera of this machine or an address, and opens it.

Nothing but the camera or the address that a person named is opened: FFmpeg follows no redirection
of HTTP and reads no playlist, which could lead it elsewhere. Only RTSP's redirection cannot be
turned off.
"""

import errno
import glob
import re
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import av

from ila_jax.data.video.container import ffmpeg_message

# What an address begins with, and the protocols that FFmpeg may use for it.
_PROTOCOLS = {
    "rtsp": "rtsp,tcp",
    "rtsps": "rtsp,tcp,tls",
    "http": "http,tcp",
    "https": "https,tls,tcp",
    "udp": "udp",
}
# Containers that hold pictures. Playlists (HLS, DASH) and lists of files are left out: they name
# other addresses.
_CONTAINERS = "mpegts,mpjpeg,matroska,webm,mov,mp4,flv,ogg,h264,hevc,rtsp"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# Behind these a path of a camera may hold a password, as in /user=admin_password=1234.
_SECRET = re.compile("[=&;].*")


@dataclass(frozen=True)
class LiveSource:
    """What gives live pictures: `target`, `format` and `options` are what `av.open` takes.

    name: how people are told of it, without user, password and query. camera: whether it is one of
    this machine.
    """

    name: str
    target: str = field(repr=False)
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    camera: bool = False


class LiveProblem(RuntimeError):
    """Why a live source gives no pictures, in words, with what to do."""


def is_address(text: str) -> bool:
    """Whether a text is an address and not a path: it begins with a scheme and `://`."""
    return _SCHEME.match(text) is not None


def address(text: str) -> LiveSource:
    """The source at an address, such as `rtsp://user:password@host/stream`. Errors: ValueError."""
    # No error repeats the address: it may hold a password, also where it is written wrong.
    scheme, _, _ = text.partition("://")
    scheme = scheme.lower()
    if scheme not in _PROTOCOLS:
        expected = ", ".join(f"{known}://" for known in _PROTOCOLS)
        raise ValueError(f"{scheme}:// is no stream that can be watched: expected {expected}")
    parts = _parts(text, scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = "" if parts.port is None else f":{parts.port}"
    path = _SECRET.sub("…", parts.path)
    options = {"protocol_whitelist": _PROTOCOLS[scheme], "format_whitelist": _CONTAINERS}
    return LiveSource(f"{scheme}://{host}{port}{path}", text, None, options | _options(scheme))


def camera(number: int) -> LiveSource:
    """A camera of this machine by its number, from 0. Errors: ValueError on an unknown system."""
    name = f"camera {number}"
    if number < 0:
        raise ValueError(f"--camera is {number}: expected a number from 0")
    if sys.platform.startswith("linux"):
        return LiveSource(name, f"/dev/video{number}", "v4l2", camera=True)
    if sys.platform == "darwin":
        # FFmpeg's own default, 29.97 pictures a second, is one that cameras of a Mac do not have.
        return LiveSource(name, f"{number}:none", "avfoundation", {"framerate": "30"}, camera=True)
    raise ValueError(f"--camera works on Linux and macOS, and this is {sys.platform}")


def open_live(source: LiveSource, limit: float) -> av.container.InputContainer:
    """Opens a source. limit: seconds for opening it, and later for each read. Errors: LiveProblem.

    Such an error names the source without its password, which FFmpeg's own errors show.
    """
    try:
        container: av.container.InputContainer = av.open(
            source.target,
            "r",
            format=source.format,
            options=dict(source.options),
            timeout=(limit, limit),
        )
        return container
    except (av.error.FFmpegError, ValueError) as error:
        raise problem_of(source, error) from None


def problem_of(source: LiveSource, error: Exception) -> LiveProblem:
    """What FFmpeg reports of a source, in words, with what to do."""
    message = ffmpeg_message(error)
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        message = "it does not answer"  # "Immediate exit requested": by the limit of time
    advice = _camera_advice(source, error) if source.camera else _address_advice(error)
    return LiveProblem(f"{source.name}: {message}. {advice}")


def _parts(text: str, scheme: str) -> SplitResult:
    """The parts of an address. Errors: ValueError, which does not repeat it."""
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        port = host = None
    # A UDP stream is sent to this machine: what has to be known is the port.
    if (port if scheme == "udp" else host) and "@" not in parts.path + parts.query:
        return parts
    raise ValueError(
        f"the address is no {scheme}://HOST:PORT/PATH: in a user's name or a password write "
        "/ as %2F, : as %3A, @ as %40, ? as %3F, # as %23 and % as %25"
    )


def _options(scheme: str) -> dict[str, str]:
    """What FFmpeg is told of a protocol, beyond what holds for all."""
    if scheme.startswith("rtsp"):
        # Over UDP, lost packets would smear pictures, and firewalls often stop it.
        transport = {"rtsp_transport": "tcp"}
        return transport | _verified() if scheme == "rtsps" else transport
    if scheme.startswith("http"):
        redirects = {"max_redirects": "0"}
        return redirects | _verified() if scheme == "https" else redirects
    return {}


def _verified() -> dict[str, str]:
    """Certificates are checked, by those that this Python trusts; SSL_CERT_FILE names others."""
    trusted = ssl.get_default_verify_paths().cafile
    return {"tls_verify": "1"} | ({} if trusted is None else {"ca_file": trusted})


def _address_advice(error: Exception) -> str:
    """What to do about an address that gives no pictures."""
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return "Put the user into the address: scheme://USER:PASSWORD@HOST/PATH"
    if isinstance(error, av.error.HTTPNotFoundError):
        return "Check the path of the address: the server is there, and has nothing under it"
    return (
        "Expected a live stream (RTSP, or MPEG-TS, MJPEG, Matroska, MP4, FLV or Ogg over HTTP or "
        "UDP; no redirection and no playlist): check the address, and that the stream runs"
    )


def _camera_advice(source: LiveSource, error: Exception) -> str:
    """What to do about a camera that gives no pictures."""
    number = getattr(error, "errno", None)
    if number == errno.EBUSY:
        return "Another program uses it: close that one"
    if number in (errno.EACCES, errno.EPERM):
        return (
            f"This user may not open {source.target}: on Linux join the group video "
            "(sudo usermod -aG video $USER, then log in again), on macOS allow the terminal the "
            "camera in System Settings, Privacy & Security"
        )
    devices = ", ".join(sorted(glob.glob("/dev/video*"))) or "none"
    return (
        f"Expected a camera at {source.target}; found: {devices}. Plug it in, or name another "
        "number by --camera"
    )
