"""`bertrun launch rank-table`: make, merge and check the files that name Ascend devices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bert_core import UsageError

from .defaults import HCCN_CONF

if TYPE_CHECKING:
    from .rank_table import RankTable

FILE = click.Path(path_type=Path)


@click.group("rank-table")
def rank_table() -> None:
    """HCCL rank tables: make one for a server, merge those of several, check one."""


@rank_table.command("make")
@click.option("--server", required=True, metavar="IP", help="This server's address.")
@click.option("--devices", metavar="0-7", help="Which devices: 0-7, 0,2 or [0,8). Default: all that have an address.")
@click.option("--address", "addresses", multiple=True, metavar="N=IP", help="A device's address, in place of the file.")
@click.option(
    "--hccn-conf", type=FILE, default=HCCN_CONF, show_default=True, metavar="FILE", help="Where addresses stand."
)
@click.option("--output", type=FILE, metavar="FILE", help="Default: hccl_8p_01234567_IP.json, by what is in it.")
def make(server: str, devices: str | None, addresses: tuple[str, ...], hccn_conf: Path, output: Path | None) -> None:
    """Write the table of one server."""
    from .hccn import device_numbers, given_addresses, read_hccn_conf
    from .rank_table import table_of

    known = given_addresses(addresses) if addresses else read_hccn_conf(hccn_conf)
    numbers = device_numbers(devices) if devices else sorted(known)
    if missing := [number for number in numbers if number not in known]:
        raise UsageError(f"no address is known of device {', '.join(map(str, missing))}", where=hccn_conf)
    if {number // 4 for number in numbers} == {0, 1} and len(numbers) < 8:
        click.echo("On an Atlas 800 (910A) devices 0-3 and 4-7 are two rings: use some of one, or all eight", err=True)
    _write(table_of(server, {number: known[number] for number in numbers}), output)


@rank_table.command("merge")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--output", type=FILE, metavar="FILE", help="Default: hccl_2s_16p.json, by what is in it.")
def merge(files: Sequence[Path], output: Path | None) -> None:
    """Write one table of the servers of FILES, in their order; ranks are counted anew."""
    from .rank_table import merged, read_rank_table

    _write(merged([read_rank_table(file) for file in files]), output)


@rank_table.command("check")
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """Say what is wrong with a table, or what is in it."""
    from .rank_table import read_rank_table

    table = read_rank_table(file)
    for server in table.servers:
        ranks = ", ".join(f"{device.rank} on device {device.number}" for device in server.devices)
        click.echo(f"server {server.name}: rank {ranks}")


def _write(table: RankTable, output: Path | None) -> None:
    from .rank_table import problems_of

    if problems := list(problems_of(table)):
        raise UsageError("this makes no rank table: " + "; ".join(problems))
    path = output or Path(table.file_name)
    try:
        path.write_text(table.as_json(), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the file cannot be written: {error.strerror}", where=path) from None
    click.echo(f"{path}: {len(table.servers)} server{'s' * (len(table.servers) > 1)}, {table.size} ranks")
