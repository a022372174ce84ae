#!/usr/bin/env python3
"""DuckDB (`pip install duckdb`) on the work that Benchmarks measures nightmail at. Prints the query's own seconds,
without those in which Python starts.

usage: duckdb_peer.py plan PROJECT OUT.jsonl THREADS   the day's sends of a benchmark project, as JSON Lines
       duckdb_peer.py count FILE.csv THREADS           the rows of a CSV file
       duckdb_peer.py columns FILE.csv THREADS         and the values of each of its columns, as text

`plan` is less than `nightmail plan` does: windows are an hour a zone, limits the day's alone, times the next slot from
the window's opening; nothing is validated or hashed but the ids, no totals are kept, nothing is synced.
"""
import sys
import time

import duckdb

# The hour of Berlin's clock at which eight o'clock strikes elsewhere, on a day without a change of clocks.
OPENING = {
    "Europe/Berlin": 8, "Europe/London": 9, "America/New_York": 14, "America/Sao_Paulo": 12,
    "America/Los_Angeles": 17, "Asia/Tokyo": 0, "Asia/Kolkata": 3, "Australia/Sydney": 0,
}

PLAN = """
copy (
  with
    drops as (from read_csv('{data}/suppressions.csv', header = true, all_varchar = true)),
    boxes as (
      select id as mailbox, tags as segment, cast(daily_limit as integer) as most,
        row_number() over (partition by tags order by id) - 1 as turn, count(*) over (partition by tags) as turns
      from read_csv('{data}/mailboxes.csv', header = true, all_varchar = true)
    ),
    people as (
      select *, row_number() over () as line
      from read_csv('{data}/contacts.csv', header = true, all_varchar = true)
    ),
    wanted as (
      select people.* from people
      where lower(email) not in (select value from drops)
        and '@' || split_part(lower(email), '@', 2) not in (select value from drops)
    ),
    dealt as (
      select wanted.*, boxes.mailbox, boxes.most, opening.hour,
        row_number() over (partition by boxes.mailbox order by opening.hour, wanted.line) as slot
      from wanted
        join opening on opening.zone = wanted.timezone
        join boxes on boxes.segment = wanted.segment and boxes.turn = wanted.line % boxes.turns
    )
  select
    substr(sha256('nightmail1|' || segment || '|intro|' || email), 1, 32) as id,
    timestamp '2026-11-23' + to_seconds(hour * 3600 + slot * 20) as send_at,
    segment as campaign, 'intro' as step, email as contact, 'email' as channel, email as "to", mailbox,
    first_name || ', a question about ' || company as subject,
    {{'company': company, 'first_name': first_name}} as vars
  from dealt where slot <= most
  order by send_at, mailbox
) to '{out}' (format json)
"""


def main():
    words = sys.argv[1:]
    if len(words) not in (3, 4) or words[0] not in ("plan", "count", "columns"):
        sys.exit(__doc__)
    con = duckdb.connect()
    con.execute(f"set threads = {int(words[-1])}")
    start = time.perf_counter()
    if words[0] != "plan":
        what = {"count": "count(*)", "columns": "count(*), count(columns(*))"}[words[0]]
        con.execute(f"select {what} from read_csv('{words[1]}', header = true, all_varchar = true)").fetchall()
    else:
        zones = ", ".join(f"('{zone}', {hour})" for zone, hour in OPENING.items())
        con.execute(f"create temp table opening as from (values {zones}) as v(zone, hour)")
        con.execute(PLAN.format(data=words[1] + "/data", out=words[2]))
    print(f"{time.perf_counter() - start:.3f}")


main()
