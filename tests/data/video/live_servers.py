"""Servers on this machine that send a video as cameras do: by HTTP, and by RTSP over TCP."""

import base64
import io
import re
import socketserver
import ssl
import struct
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av

from tests.data.videos import H264, picture

FPS = 25
COUNT = 100
# For 127.0.0.1, signed by itself, until 2126, with its key, which is no secret:
# openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500
#     -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1
CERTIFICATE = Path(__file__).with_name("localhost.pem")
_SIZE = (48, 64)  # height, width


def transport_stream(count: int = COUNT, first: int = 0) -> bytes:
    """`count` pictures from picture `first` on, as MPEG-TS of 25 frames a second."""
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=FPS, options=H264 | {"g": "25", "bf": "0"})
        (stream.height, stream.width), stream.pix_fmt = _SIZE, "yuv420p"
        for k in range(first, first + count):
            frame = av.VideoFrame.from_ndarray(picture(k, *_SIZE), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


class Sender:
    """What a server has to send, and what it was asked.

    parts: of bytes; before each but the first it waits until `more` is released. hold: whether the
    connection then stays open, with nothing more in it, until `done` is set. user: such as
    `user:password`, or None for anybody.
    """

    def __init__(self, *parts, hold=True, user=None):
        self.parts, self.hold, self.user = parts, hold, user
        self.more, self.done = threading.Semaphore(0), threading.Event()
        self.asked = []  # paths of requests, in their order

    def admits(self, authorization):
        wanted = base64.b64encode((self.user or "").encode()).decode()
        return self.user is None or authorization == f"Basic {wanted}"

    def send(self, write):
        for number, part in enumerate(self.parts):
            if number:
                self.more.acquire()
            write(part)
        if self.hold:
            self.done.wait()


class _Http(BaseHTTPRequestHandler):
    def do_GET(self):
        sender = self.server.sender
        sender.asked.append(self.path)
        if self.path.startswith("/redirected"):
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere.ts")
        elif self.path.startswith("/playlist"):
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.apple.mpegurl")
        elif not sender.admits(self.headers.get("Authorization")):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
        else:
            self.send_response(200)
            if self.path.startswith("/file"):
                self.send_header("Content-Length", str(sum(map(len, sender.parts))))
            self.end_headers()
            return sender.send(self.wfile.write)
        self.end_headers()
        if self.path.startswith("/playlist"):
            segment = f"http://127.0.0.1:{self.server.server_port}/elsewhere.ts"
            text = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{segment}\n#EXT-X-ENDLIST\n"
            self.wfile.write(text.encode())
        return None

    def log_message(self, *_):
        pass


class _Rtsp(socketserver.StreamRequestHandler):
    """MPEG-TS in RTP (RFC 2250), in the connection of RTSP itself (RFC 2326, 10.12)."""

    def handle(self):
        sender = self.server.sender
        while request := self._request():
            method, path, number, authorization = request
            sender.asked.append(f"{method} {path}")
            if method == "DESCRIBE" and not sender.admits(authorization):
                self._reply(401, number, 'WWW-Authenticate: Basic realm="camera"')
            elif method == "DESCRIBE":
                text = (
                    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 33"
                )
                self._reply(200, number, "Content-Type: application/sdp", text + "\r\n")
            elif method == "SETUP":
                transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
                self._reply(200, number, f"{transport}\r\nSession: 1")
            else:
                self._reply(200, number, "Session: 1")
            if method == "PLAY":
                self._number = 0
                sender.send(self._packets)
                return

    def _request(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (line := self.rfile.readline()):
                return None
            head += line
        text = head.decode()
        authorization = re.search("Authorization: (.*)\r", text)
        method, path, _ = text.split(maxsplit=2)
        number = re.search(r"CSeq: (\d+)", text)[1]
        return method, path, number, authorization and authorization[1]

    def _reply(self, status, number, head, body=""):
        size = f"Content-Length: {len(body)}\r\n" if body else ""
        text = f"RTSP/1.0 {status} said\r\nCSeq: {number}\r\n{head}\r\n{size}\r\n{body}"
        self.wfile.write(text.encode())

    def _packets(self, data):
        for start in range(0, len(data), 7 * 188):
            part = data[start : start + 7 * 188]
            header = struct.pack(">BBHII", 0x80, 33, self._number & 0xFFFF, self._number * 900, 1)
            self._number += 1
            self.wfile.write(struct.pack(">BBH", 0x24, 0, 12 + len(part)) + header + part)


class _RtspServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that went away


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    handle_error = _RtspServer.handle_error


@contextmanager
def serving(scheme, sender):
    """Serves http, https or rtsp in a thread; gives HOST:PORT."""
    server_class, handler = (_RtspServer, _Rtsp) if scheme == "rtsp" else (_HttpServer, _Http)
    with server_class(("127.0.0.1", 0), handler) as server:
        server.sender = sender
        if scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            sender.done.set()
            server.shutdown()
