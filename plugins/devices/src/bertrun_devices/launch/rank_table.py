"""HCCL rank tables: the devices of a run, by server, in the form that Ascend's collectives read."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_core import DataError

VERSION = "1.0"


@dataclass(frozen=True)
class RankedDevice:
    """A device: its number on its server, its address, and its rank in the run."""

    number: int
    address: str
    rank: int


@dataclass(frozen=True)
class Server:
    """A machine and its devices."""

    name: str
    devices: tuple[RankedDevice, ...]


@dataclass(frozen=True)
class RankTable:
    """All servers of a run."""

    servers: tuple[Server, ...]

    @property
    def size(self) -> int:
        """How many ranks there are."""
        return sum(len(server.devices) for server in self.servers)

    def as_json(self) -> str:
        """The file's text, in the published form, version 1.0: every value is a text."""
        servers = [
            {
                "server_id": server.name,
                "device": [
                    {"device_id": str(device.number), "device_ip": device.address, "rank_id": str(device.rank)}
                    for device in server.devices
                ],
                "host_nic_ip": "reserve",
            }
            for server in self.servers
        ]
        table = {"version": VERSION, "server_count": str(len(servers)), "server_list": servers, "status": "completed"}
        return json.dumps(table, indent=4) + "\n"

    @property
    def file_name(self) -> str:
        """The usual name of such a file: devices and address of one server, or how many of several."""
        if len(self.servers) > 1:
            return f"hccl_{len(self.servers)}s_{self.size}p.json"
        (server,) = self.servers
        numbers = "".join(str(device.number) for device in server.devices)
        return f"hccl_{self.size}p_{numbers}_{server.name}.json"


def table_of(server: str, addresses: Mapping[int, str]) -> RankTable:
    """The table of one server.

    Args:
        server: Its address.
        addresses: The address of each device to use, by its number; ranks follow the numbers.
    """
    devices = (RankedDevice(number, addresses[number], rank) for rank, number in enumerate(sorted(addresses)))
    return RankTable((Server(server, tuple(devices)),))


def merged(tables: Sequence[RankTable]) -> RankTable:
    """One table of the servers of several, in that order; ranks are counted anew."""
    rank = 0
    servers = []
    for server in (server for table in tables for server in table.servers):
        devices = sorted(server.devices, key=lambda device: device.rank)
        renumbered = tuple(dataclasses.replace(device, rank=rank + n) for n, device in enumerate(devices))
        servers.append(dataclasses.replace(server, devices=renumbered))
        rank += len(devices)
    return RankTable(tuple(servers))


def read_rank_table(path: Path) -> RankTable:
    """The table that a file holds.

    Raises:
        DataError: The file cannot be read, is no rank table, or says what cannot be; all of it is named.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=path) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"the file is not JSON: {error}", where=path) from None
    problems = list(_problems_of_form(value))
    if not problems:
        table = _table(value)
        problems = [*_problems_of_counts(value, table), *problems_of(table)]
    if problems:
        raise DataError("this rank table cannot be used: " + "; ".join(problems), where=path)
    return table


def problems_of(table: RankTable) -> Iterator[str]:
    """What is wrong with a table: values that stand twice, ranks that are missing, texts that are no address."""
    if not table.servers:
        yield "it has no server"
    for name in _twice([server.name for server in table.servers]):
        yield f"server {name} stands twice"
    for server in table.servers:
        if not server.devices:
            yield f"server {server.name} has no device"
        for number in _twice([device.number for device in server.devices]):
            yield f"server {server.name} has device {number} twice"
    devices = [device for server in table.servers for device in server.devices]
    for address in _twice([device.address for device in devices]):
        yield f"the address {address} belongs to two devices"
    for device in devices:
        if not _is_address(device.address):
            yield f"{device.address!r} of rank {device.rank} is no IP address"
    yield from _problems_of_ranks([device.rank for device in devices])


def _problems_of_ranks(ranks: Sequence[int]) -> Iterator[str]:
    for rank in _twice(ranks):
        yield f"rank {rank} stands twice"
    missing = sorted(set(range(len(ranks))) - set(ranks))
    beyond = sorted({rank for rank in ranks if rank >= len(ranks)})
    if beyond and missing:
        yield (
            f"{len(ranks)} devices need the ranks 0 to {len(ranks) - 1}, but rank {_listed(missing)} is missing "
            f"and there is rank {_listed(beyond)}"
        )


def _problems_of_form(value: Any) -> Iterator[str]:
    if not isinstance(value, dict) or not isinstance(value.get("server_list"), list):
        yield "it is no JSON object with a server_list"
        return
    for place, server in enumerate(value["server_list"]):
        if not isinstance(server, dict) or not isinstance(server.get("device"), list):
            yield f"server_list[{place}] has no list of devices"
            continue
        if not isinstance(server.get("server_id"), str) or not server["server_id"]:
            yield f"server_list[{place}] has no server_id"
        for index, device in enumerate(server["device"]):
            yield from (f"{problem} in server_list[{place}].device[{index}]" for problem in _wrong_fields(device))


def _wrong_fields(device: Any) -> Iterator[str]:
    if not isinstance(device, dict):
        yield "no JSON object"
        return
    if not isinstance(device.get("device_ip"), str):
        yield "device_ip is missing"
    for field in ("device_id", "rank_id"):
        if field not in device:
            yield f"{field} is missing"
        elif not _is_count(device[field]):
            yield f"{field} is {device[field]!r}, not a number"


def _problems_of_counts(value: Mapping[str, Any], table: RankTable) -> Iterator[str]:
    if value.get("version") != VERSION:
        yield f"its version is {value.get('version')!r}, not {VERSION!r}"
    if str(value.get("server_count")) != str(len(table.servers)):
        yield f"server_count is {value.get('server_count')!r}, but there are {len(table.servers)} servers"
    if value.get("status") != "completed":
        yield f"its status is {value.get('status')!r}, not 'completed'"


def _table(value: Mapping[str, Any]) -> RankTable:
    return RankTable(
        tuple(
            Server(
                server["server_id"],
                tuple(
                    RankedDevice(int(device["device_id"]), device["device_ip"], int(device["rank_id"]))
                    for device in server["device"]
                ),
            )
            for server in value["server_list"]
        )
    )


def _is_count(value: Any) -> bool:
    return value is not True and value is not False and str(value).isascii() and str(value).isdecimal()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _twice(values: Sequence[Any]) -> list[Any]:
    return [value for value, times in Counter(values).items() if times > 1]


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))
