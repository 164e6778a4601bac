-- The index of all footage of a board. The files are the truth: each segment says by itself what it is, so this
-- database can be made anew from them. Written by several recorders, each write one short BEGIN IMMEDIATE.

create table meta (
  key   text primary key,          -- 'version': of this schema
  value text not null
) strict, without rowid;

create table segment (
  camera        text    not null,                          -- the camera's id in site.toml
  seq           integer not null check (seq > 0),          -- rises by camera; the order of truth, whatever the clock did
  path          text    not null unique,                   -- under the footage folder
  state         text    not null check (state in (         -- one of:
                  'open',                                  -- being written, or was when its recorder died
                  'closed',                                -- ended regularly; file and folder were synced before this was written
                  'salvaged',                              -- was found open: what is not whole has been cut off
                  'deleting')),                            -- may go: unlink, sync the folder, drop the row
  boot          text    not null,                          -- kernel boot id: monotonic times compare only within one boot
  clock         text    not null check (clock in ('synced', 'rtc', 'unset')),  -- how far start_at_ns can be trusted
  start_mono_ns integer not null,                          -- CLOCK_MONOTONIC at time 0 of the file
  start_at_ns   integer not null,                          -- UTC at time 0 of the file, as the board knew it then
  end_mono_ns   integer,                                   -- end of its last frame; null while open
  end_at_ns     integer,                                   -- the same in UTC; null while open
  frames        integer,                                   -- null while open
  bytes         integer,                                   -- size of the file; null while open
  sha256        blob    check (length(sha256) = 32),       -- of the whole file; null while open, and where the index was made
                                                           -- anew from files (the file's own end box has that of all before it)
  primary key (camera, seq),
  check (state = 'open' or (end_mono_ns is not null and end_at_ns is not null and bytes is not null))
) strict, without rowid;

create index segment_by_time on segment (camera, boot, start_mono_ns);

create table gap (
  id           integer primary key,                        -- in the order they ended
  camera       text    not null,                           -- the camera's id in site.toml
  from_boot    text    not null,                           -- boot and monotonic time of the last frame before the gap
  from_mono_ns integer not null,                           -- see from_boot
  from_at_ns   integer not null,                           -- the same in UTC
  to_boot      text    not null,                           -- of the first frame after it
  to_mono_ns   integer not null,                           -- see to_boot
  to_at_ns     integer not null,                           -- the same in UTC
  length_ns    integer not null check (length_ns >= 0),    -- monotonic within one boot, else by UTC; 0 if UTC went back
  cause        text    not null                            -- in words: camera lost, disk full, recorder died, ...
) strict;

create index gap_by_camera on gap (camera, id);
