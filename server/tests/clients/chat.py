"""Two real clients chat through a homeserver: matrix-nio here, matrix-js-sdk in a process of its own.

    chat.py URL NODE WEB_CLIENT RESTART…

URL is the homeserver's. NODE runs WEB_CLIENT. RESTART is the command that stops the server and starts it again, with
an argument added, `term` or `kill`. The server must allow registration with `m.login.dummy`.
"""

import asyncio
import base64
import json
import secrets
import struct
import sys
import tempfile
import traceback
import zlib
from itertools import count

import nio

LIMIT_SECONDS = 90
PASSWORD = "correct horse battery staple"


class Web:
    """The process with matrix-js-sdk."""

    def __init__(self, process):
        self.process = process
        self.ids = count(1)
        self.waiting = {}
        self.reader = asyncio.create_task(self.read())

    @classmethod
    async def start(cls, node, script):
        pipe = asyncio.subprocess.PIPE
        # Downloads come back on one line.
        return cls(await asyncio.create_subprocess_exec(node, script, stdin=pipe, stdout=pipe, limit=16 * 1024 * 1024))

    async def read(self):
        async for line in self.process.stdout:
            answer = json.loads(line)
            self.waiting.pop(answer["id"]).set_result(answer)
        for future in self.waiting.values():
            future.set_exception(RuntimeError("the process with matrix-js-sdk has ended"))

    async def __call__(self, do, **values):
        number = next(self.ids)
        future = asyncio.get_running_loop().create_future()
        self.waiting[number] = future
        self.process.stdin.write(json.dumps({"id": number, "do": do, **values}).encode() + b"\n")
        answer = await asyncio.wait_for(future, LIMIT_SECONDS)
        if "error" in answer:
            raise RuntimeError(f"{do}: {answer['error']}")
        return answer["ok"]


class Native:
    """matrix-nio with encryption, syncing for as long as it lives."""

    def __init__(self, url, store):
        config = nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
        self.client = nio.AsyncClient(url, store_path=store, config=config)
        self.client.add_event_callback(self.on_message, nio.RoomMessageText)
        self.client.add_event_callback(self.on_undecrypted, nio.MegolmEvent)
        self.messages = []
        self.changed = asyncio.Condition()

    async def on_message(self, room, event):
        async with self.changed:
            self.messages.append((room.room_id, event.sender, event.body, event.decrypted))
            self.changed.notify_all()

    async def on_undecrypted(self, room, event):
        print(f"matrix-nio cannot decrypt {event.event_id} of {event.sender}", file=sys.stderr)

    async def register(self, user):
        expect(await self.client.register(user, PASSWORD, "nio"), nio.RegisterResponse)
        self.syncing = asyncio.create_task(self.client.sync_forever(timeout=30_000, full_state=True))
        await asyncio.wait_for(self.client.synced.wait(), LIMIT_SECONDS)

    async def join(self, room):
        expect(await self.client.join(room), nio.JoinResponse)
        while not (room in self.client.rooms and self.client.rooms[room].encrypted):
            await asyncio.wait_for(self.client.synced.wait(), LIMIT_SECONDS)

    async def send(self, room, body):
        content = {"msgtype": "m.text", "body": body}
        answer = await self.client.room_send(room, "m.room.message", content, ignore_unverified_devices=True)
        expect(answer, nio.RoomSendResponse)

    async def receive(self, room, sender, body):
        async with self.changed:
            arrived = self.changed.wait_for(lambda: (room, sender, body, True) in self.messages)
            await asyncio.wait_for(arrived, LIMIT_SECONDS)

    async def stop(self):
        self.syncing.cancel()
        await self.client.close()


class Chat:
    """The scenario; each step is a check with a name."""

    def __init__(self, url, web, native, restart):
        self.url, self.web, self.native, self.restart = url, web, native, restart
        self.passed = 0

    async def check(self, claim, step):
        value = await step
        self.passed += 1
        print(f"  ok  {claim}", flush=True)
        return value

    async def both_ways(self, room, when):
        nio_user, web_user = self.native.client.user_id, self.web_user
        await self.web("send", client="web", room=room, body=f"from the web {when}")
        await self.check(
            f"matrix-nio decrypts what matrix-js-sdk sends {when}",
            self.native.receive(room, web_user, f"from the web {when}"),
        )
        await self.native.send(room, f"from nio {when}")
        await self.check(
            f"matrix-js-sdk decrypts what matrix-nio sends {when}",
            self.web("receive", client="web", room=room, sender=nio_user, body=f"from nio {when}"),
        )

    async def run(self):
        # New names each time, so that a server that is kept can be asked again.
        suffix = secrets.token_hex(4)
        credentials = {"user": f"webby-{suffix}", "password": PASSWORD}
        await self.check("matrix-nio registers and syncs", self.native.register(f"nina-{suffix}"))
        session = await self.check(
            "matrix-js-sdk registers and syncs", self.web("register", client="web", url=self.url, **credentials)
        )
        self.web_user = session["user_id"]
        nio_user = self.native.client.user_id
        await self.check("it makes its cross-signing keys", self.web("bootstrap", client="web", **credentials))
        room = await self.check(
            "it makes an encrypted room", self.web("create_room", client="web", name="Tea", invite=[nio_user])
        )
        await self.check("matrix-nio accepts the invitation", self.native.join(room))
        await self.check("matrix-js-sdk sees it join", self.web("joined", client="web", room=room, user=nio_user))
        await self.both_ways(room, "at first")
        for how in ("term", "kill"):
            await self.check(f"the server restarts under both ({how})", restarted(self.restart, how))
            await self.both_ways(room, f"after {how}")
        await self.media()
        await self.verification(room, session, credentials)

    async def media(self):
        image = png(96, 64)
        uri = await self.check(
            "matrix-js-sdk uploads an image",
            self.web("upload", client="web", base64=encode(image), type="image/png", name="tea.png"),
        )
        fetched = await self.native.client.download(mxc=uri)
        await self.check("matrix-nio fetches it", holds(fetched.body == image and fetched.content_type == "image/png"))
        thumbnail = await self.web("download", client="web", uri=uri, size=32)
        await self.check("matrix-js-sdk fetches a thumbnail", holds(thumbnail["status"] == 200 and decode(thumbnail)))
        refused = await self.web("download", client="web", uri=uri, token=False)
        await self.check("without a token it is refused", holds(refused["status"] == 401))

        answer, _ = await self.native.client.upload(lambda *_: image, "image/png", "nina.png", filesize=len(image))
        expect(answer, nio.UploadResponse)
        fetched = await self.web("download", client="web", uri=answer.content_uri)
        await self.check("an image of matrix-nio reaches matrix-js-sdk", holds(decode(fetched) == image))

    async def verification(self, room, session, credentials):
        second = await self.check(
            "a second device logs in", self.web("login", client="phone", url=self.url, **credentials)
        )
        words = await self.check(
            "the two devices verify each other", self.web("verify", new_device="phone", old_device="web")
        )
        await self.check("they showed seven pictures", holds(len(words) == 7))
        await self.check(
            "the first device trusts the second",
            self.web("trusts", client="web", user=self.web_user, device=second["device_id"]),
        )
        await self.check(
            "the second device trusts the first",
            self.web("trusts", client="phone", user=self.web_user, device=session["device_id"]),
        )
        await self.check("the second device is given the secrets", self.web("has_secrets", client="phone"))
        await self.native.send(room, "to both devices")
        for device in ("web", "phone"):
            sent = {"room": room, "sender": self.native.client.user_id, "body": "to both devices"}
            await self.check(f"{device} decrypts what comes then", self.web("receive", client=device, **sent))


def expect(answer, kind):
    if not isinstance(answer, kind):
        raise RuntimeError(f"expected {kind.__name__}, got {answer}")


async def holds(condition):
    assert condition


async def restarted(command, how):
    process = await asyncio.create_subprocess_exec(*command, how)
    assert await asyncio.wait_for(process.wait(), LIMIT_SECONDS) == 0, "the server does not come back"


def encode(data):
    return base64.b64encode(data).decode()


def decode(answer):
    return base64.b64decode(answer["base64"])


def png(width, height):
    """A picture with a gradient, so that a thumbnail has something to scale."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in (x * 2, y * 3, 128)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def main(url, node, script, *restart):
    with tempfile.TemporaryDirectory() as store:
        chat = Chat(url, await Web.start(node, script), Native(url, store), restart)
        failed = 0
        try:
            await chat.run()
        except Exception:
            traceback.print_exc()
            failed = 1
        if chat.web.process.returncode is None:
            chat.web.process.kill()
        if hasattr(chat.native, "syncing"):
            await chat.native.stop()
    print(f"clients: {chat.passed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
