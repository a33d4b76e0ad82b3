#!/usr/bin/env python3
"""An agent over one plain WebSocket: it echoes every prompt, word by word.

    apt-get install python3-websockets          # or: pip install websockets
    FLEETWIRE_TOKEN=... python3 examples/agent.py echo

This file follows the rules of packages/protocol/SPEC.md. It keeps its state in memory: an agent whose commands must not run
twice after its own restart has to write `journal` to disk before it acknowledges a command.
"""
import asyncio
import json
import os
import random
import signal
import sys
import uuid
from collections import deque

import websockets

URL = os.environ.get("FLEETWIRE_URL", "http://127.0.0.1:3000").replace("http", "ws", 1) + "/agent"
TOKEN = os.environ.get("FLEETWIRE_TOKEN", "")
MAX_CONCURRENCY = 2
# The codes for which docs/close-codes.md says `stop`, and 4401: there is no other token to try.
FINAL = {1000, 4000, 4401, 4403, 4409, 4413}


async def echo(agent, command, entry):
    """The work itself. An interrupt cancels the task; any other exception becomes the command's error."""
    command_id, words = command["commandId"], str(command["input"]).split(" ")
    message = {
        "sessionId": command.get("sessionId", command_id),
        "messageId": f"{command_id}_{entry['attempt']}",
        "commandId": command_id,
    }
    agent.report("message:start", {**message, "role": "assistant"})
    try:
        for i, word in enumerate(words):
            await asyncio.sleep(0.1)
            agent.report("message:delta", {**message, "delta": word if i == 0 else f" {word}"})
            agent.report_on(command_id, "command:progress", progress=(i + 1) / len(words))
    finally:
        agent.report("message:end", message)
    return " ".join(words)


class Agent:
    def __init__(self, name):
        self.name = name
        self.boot_id = uuid.uuid4().hex  # identifies this run of the process, within which frames are numbered
        self.n = 0
        self.unacked = deque()  # numbered frames that the server may not have stored yet, in order
        self.journal = {}  # commandId -> its attempt and, once it has ended, its outcome
        self.runs = {}  # commandId -> the task that runs it
        self.changed = asyncio.Condition()
        self.socket = None
        self.leaving = False
        self.reconnect_after = None

    # ---- sending

    def report(self, kind, payload):
        self.n += 1
        self.unacked.append({"type": kind, "n": self.n, "payload": payload})
        asyncio.ensure_future(self.wake())

    def report_on(self, command_id, kind, **fields):
        attempt = self.journal[command_id]["attempt"]
        self.report(kind, {"commandId": command_id, "attempt": attempt, **fields})

    async def wake(self):
        async with self.changed:
            self.changed.notify_all()

    async def send_reports(self, socket, rate):
        """Sends all unacknowledged frames, oldest first, below the server's frame rate."""
        sent = self.n - len(self.unacked)  # frames before these are acknowledged
        while True:
            async with self.changed:
                await self.changed.wait_for(lambda: self.n > sent)
            for frame in [frame for frame in self.unacked if frame["n"] > sent]:
                await socket.send(json.dumps(frame))
                sent = frame["n"]
                await asyncio.sleep(1.25 / rate)

    async def beat(self, socket, interval):
        while True:
            await socket.send(json.dumps({"type": "heartbeat", "payload": {"running": list(self.runs)}}))
            await asyncio.sleep(interval)

    # ---- receiving

    async def handle(self, kind, payload):
        if kind == "command:dispatch":
            self.dispatched(payload)
        elif kind == "command:interrupt":
            self.interrupt(payload["commandId"])
        elif kind == "heartbeat":  # repeats every interrupt until its command has ended
            for command_id in payload["cancel"]:
                self.interrupt(command_id)
        elif kind == "report:ack":
            self.acknowledged(payload["n"])
            await self.wake()
        elif kind == "connection:closing":
            self.reconnect_after = payload.get("reconnectAfterMs")
        elif kind == "error":
            print(f"the server says: {payload['code']}: {payload['message']}", file=sys.stderr, flush=True)

    def established(self, payload):
        self.acknowledged(payload["ackedN"])
        for directive in payload["directives"]:
            command_id, action = directive["commandId"], directive["action"]
            if action == "cancel":
                self.interrupt(command_id)
            elif action == "forget":
                self.journal.pop(command_id, None)
            elif action == "resend":
                self.report_on(command_id, "command:result", **self.journal[command_id]["outcome"])

    def acknowledged(self, n):
        while self.unacked and self.unacked[0]["n"] <= n:
            self.unacked.popleft()

    def dispatched(self, command):
        command_id, attempt = command["commandId"], command["attempt"]
        entry = self.journal.get(command_id)
        if entry is not None and not command.get("rerun"):  # a redelivery: do not run it twice
            entry["attempt"] = attempt
            self.report_on(command_id, "command:ack")
            if "outcome" in entry:
                self.report_on(command_id, "command:result", **entry["outcome"])
            return
        refusal = {"commandId": command_id, "attempt": attempt}
        if command["kind"] != "prompt":
            return self.report("command:reject", {**refusal, "reason": "unsupported"})
        if self.leaving or len(self.runs) >= MAX_CONCURRENCY:
            return self.report("command:reject", {**refusal, "reason": "busy"})
        entry = self.journal[command_id] = {"attempt": attempt}
        self.report_on(command_id, "command:ack")
        self.runs[command_id] = asyncio.ensure_future(self.run(command, entry))

    async def run(self, command, entry):
        command_id = command["commandId"]
        try:
            outcome = {"status": "succeeded", "output": await echo(self, command, entry)}
        except asyncio.CancelledError:
            outcome = {"status": "cancelled"}
        except Exception as fault:
            outcome = {"status": "failed", "error": str(fault)}
        del self.runs[command_id]
        entry["outcome"] = outcome
        self.report_on(command_id, "command:result", **outcome)

    def interrupt(self, command_id):
        if command_id in self.runs:
            self.runs[command_id].cancel()

    # ---- connecting and reconnecting

    def hello(self):
        inventory = [
            {
                "commandId": command_id,
                "attempt": entry["attempt"],
                "state": "finished" if "outcome" in entry else "running",
            }
            for command_id, entry in self.journal.items()
        ]
        return {
            "name": self.name,
            "kind": "python",
            "capabilities": {"kinds": ["prompt"]},
            "maxConcurrency": MAX_CONCURRENCY,
            "bootId": self.boot_id,
            "inventory": inventory[-10_000:],
        }

    async def connection(self):
        protocols = ["fleetwire.v1", f"bearer.{TOKEN}"]
        async with websockets.connect(URL, subprotocols=protocols, max_size=None) as socket:
            self.socket, tasks = socket, []
            await socket.send(json.dumps({"type": "agent:connect", "payload": self.hello()}))
            try:
                async for text in socket:
                    frame = json.loads(text)
                    kind, payload = frame["type"], frame["payload"]
                    if kind != "connection:established":
                        await self.handle(kind, payload)
                        continue
                    self.established(payload)
                    rate = payload["limits"]["frameRate"]
                    tasks.append(asyncio.ensure_future(self.send_reports(socket, rate)))
                    tasks.append(asyncio.ensure_future(self.beat(socket, payload["heartbeatMs"] / 1000)))
                    print(f"agent {payload['agentId']} is connected", file=sys.stderr, flush=True)
            except websockets.ConnectionClosedError:
                pass
            finally:
                for task in tasks:
                    task.cancel()
            return socket.close_code, len(tasks) > 0

    async def stay_connected(self):
        failures = 0
        while True:
            self.reconnect_after = None
            try:
                code, was_online = await self.connection()
                failures = 0 if was_online else failures + 1
            except websockets.InvalidHandshake as refusal:
                code, failures = None, failures + 1
                answer = getattr(refusal, "response", refusal)
                if getattr(answer, "status_code", 0) in (401, 403):
                    sys.exit(f"the server refused this token ({answer.status_code})")
            except OSError:
                code, failures = None, failures + 1
            if self.leaving:
                return
            if code in FINAL:
                sys.exit(f"the server closed the connection with code {code}")
            back_off = random.uniform(0, min(30, 0.25 * 2 ** min(failures, 8)))
            await asyncio.sleep(self.reconnect_after / 1000 if self.reconnect_after is not None else back_off)

    async def leave(self):
        """Stops what runs, says goodbye, and waits until the server has stored it."""
        self.leaving = True
        for task in list(self.runs.values()):
            task.cancel()
        await asyncio.gather(*self.runs.values(), return_exceptions=True)
        self.report("agent:exit", {"reason": "stopped"})
        async with self.changed:
            await self.changed.wait_for(lambda: not self.unacked)
        await self.socket.close()


async def main():
    agent = Agent(sys.argv[1] if len(sys.argv) > 1 else "echo")
    loop = asyncio.get_running_loop()
    connected = asyncio.ensure_future(agent.stay_connected())
    loop.add_signal_handler(signal.SIGTERM, lambda: asyncio.ensure_future(agent.leave()))
    loop.add_signal_handler(signal.SIGINT, lambda: asyncio.ensure_future(agent.leave()))
    await connected


asyncio.run(main())
