-- The journal: every fact of a board, one row each, in the order they were committed.
-- Append-only: UPDATE always fails, DELETE only below a checkpoint row. Written by several processes at once,
-- each append one short BEGIN IMMEDIATE.

create table meta (
  key   text primary key,          -- 'epoch': UUID made with this file; 'version': of this schema
  value text not null
) strict, without rowid;

create table row (
  seq       integer primary key check (seq > 0),            -- 1, 2, 3 ... without holes: the order of everything
  at_ns     integer not null,                               -- UTC as the board knew it then; for showing, never for ordering
  boot      text    not null,                               -- kernel boot id: mono_ns compares only within one boot
  mono_ns   integer not null check (mono_ns >= 0),          -- CLOCK_MONOTONIC
  clock     text    not null check (clock in ('synced', 'rtc', 'unset')),
  lane      text    not null check (lane in ('alarm', 'status')),
  lane_prev integer not null check (lane_prev >= 0 and lane_prev < seq),  -- previous seq of this lane, 0 for the first
  kind      text    not null check (kind <> ''),            -- agent.core.events.KINDS
  source    text    not null,                               -- the point, pump, relay, camera, process or alarm
  class     text    not null check (class in ('alarm', 'supervisory', 'trouble', 'status')),
  data      text    not null check (json_valid(data)),      -- canonical JSON: keys sorted, no spaces, no floats
  hash      blob    not null check (length(hash) = 32)      -- SHA-256(previous hash + canonical row)
) strict;

-- Only the rarer lane has an index: a page less to write with every status row. Status rows are found by seq alone.
create index row_alarm on row (seq) where lane = 'alarm';
create index row_by_kind on row (kind, seq);

create trigger row_is_a_fact before update on row
begin
  select raise(abort, 'a journal row is a fact: it is never changed');
end;

create trigger row_stays before delete on row
when old.seq > coalesce((select max(json_extract(data, '$.upto')) from row where kind = 'journal.checkpoint'), 0)
begin
  select raise(abort, 'journal rows go only below a checkpoint row');
end;

create trigger epoch_stays before update on meta
begin
  select raise(abort, 'the epoch of a journal never changes');
end;
