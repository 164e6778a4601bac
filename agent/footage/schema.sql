-- The index of all footage of a board. The files are the truth: each segment says by itself what it is, so this
-- database can be made anew from them. Written by several recorders, each write one short BEGIN IMMEDIATE.

create table meta (
  key   text primary key,          -- 'version': of this schema
  value text not null
) strict, without rowid;

create table camera (
  id       integer primary key,                            -- what segments call it
  name     text    not null unique,                        -- the camera's id in site.toml
  last_seq integer not null default 0,                     -- the highest number ever given: never used again, whatever is deleted
  files    integer not null default 0,                     -- rows of segment that it has
  bytes    integer not null default 0                      -- of all its segments that have ended
) strict;

create table boot (
  id   integer primary key,                                -- what segments call it
  name text    not null unique                             -- kernel boot id: monotonic times compare only within one boot
) strict;

-- A million rows at 92 days of eight cameras: names are numbers here, and a regular path is not written down.
create table segment (
  camera        integer not null references camera,        -- see camera
  seq           integer not null check (seq > 0),          -- rises by camera; the order of truth, whatever the clock did
  path          text,                                      -- under the footage folder; null: the regular one (view footage)
  state         text    not null check (state in (         -- one of:
                  'open',                                  -- being written, or was when its recorder died
                  'closed',                                -- ended regularly; file and folder were synced before this was written
                  'salvaged',                              -- was found open: what is not whole has been cut off
                  'deleting')),                            -- may go: unlink, sync the folder, drop the row
  boot          integer not null references boot,          -- see boot
  clock         text    not null check (clock in ('synced', 'rtc', 'unset')),  -- how far start_at_ns can be trusted
  start_mono_ns integer not null,                          -- CLOCK_MONOTONIC at time 0 of the file
  start_at_ns   integer not null,                          -- UTC at time 0 of the file, as the board knew it then
  end_mono_ns   integer,                                   -- end of its last frame; null while open
  end_at_ns     integer,                                   -- the same in UTC; null while open
  frames        integer,                                   -- null while open
  bytes         integer,                                   -- size of the file; null while open
  sha256        blob    check (length(sha256) = 32),       -- of the whole file; null while open, and where the index was made
                                                           -- anew from files (the file's own end box has that of all before it)
  seal          integer references seal,                   -- see seal; null while it is not sealed
  primary key (camera, seq),
  check (state = 'open' or (end_mono_ns is not null and end_at_ns is not null and bytes is not null))
) strict, without rowid;

create index segment_by_time on segment (camera, boot, start_mono_ns);
create index segment_by_utc on segment (camera, start_at_ns);
create index segment_open on segment (camera, seq) where state = 'open';
create index segment_unsealed on segment (camera, seq) where seal is null and state <> 'open';

-- What the journal's rows footage.sealed say, and those rows themselves: an export has its proofs from here, whatever
-- becomes of the journal. Filled from the journal alone: it can be made anew as long as that has the rows.
create table seal (
  id      integer primary key,                             -- what segments call it
  camera  integer not null references camera,              -- see camera
  hour_ns integer not null,                                -- UTC: where the hour begins
  part    integer not null check (part > 0),               -- 1, or more for what came after the hour had been sealed
  epoch   text    not null,                                -- of the journal
  row     integer not null,                                -- its seq there
  text    text    not null,                                -- that row, canonical
  hash    blob    not null check (length(hash) = 32),      -- of that row
  prev    blob    not null check (length(prev) = 32),      -- of the row before it
  root    blob    not null check (length(root) = 32),      -- over the leaves
  leaves  integer not null,                                -- how many
  first   integer not null,                                -- the lowest and ...
  last    integer not null,                                -- ... the highest number that is sealed here
  unique (epoch, row)
) strict;

create index seal_by_hour on seal (camera, hour_ns);

-- The leaf of a segment that is gone, as long as another one of the same seal stands: its proof needs this one.
create table leaf (
  camera integer not null references camera,
  seq    integer not null,
  seal   integer not null references seal,                 -- see seal
  hash   blob    not null check (length(hash) = 32),       -- as core/merkle.py makes it
  primary key (camera, seq)
) strict, without rowid;

-- How far the scrub has come in its round over a camera's footage.
create table scrub (
  camera   integer primary key references camera,          -- see camera
  seq      integer not null,                               -- the last segment that was read in this round
  began_ns integer not null,                               -- UTC: when the round began
  ended_ns integer                                         -- UTC: when it was through; null while it is not
) strict;

create view footage as
  select camera.name as camera, segment.seq as seq,
         coalesce(segment.path, camera.name || strftime('/%Y%m%d/', segment.start_at_ns / 1000000000, 'unixepoch')
           || printf('%08d', segment.seq)
           || strftime('-%Y%m%dT%H%M%SZ.mp4', segment.start_at_ns / 1000000000, 'unixepoch')) as path,
         segment.state as state, boot.name as boot, segment.clock as clock, segment.start_mono_ns as start_mono_ns,
         segment.start_at_ns as start_at_ns, segment.end_mono_ns as end_mono_ns, segment.end_at_ns as end_at_ns,
         segment.frames as frames, segment.bytes as bytes, segment.sha256 as sha256,
         segment.camera as camera_id, segment.boot as boot_id, segment.seal as seal
  from segment join camera on camera.id = segment.camera join boot on boot.id = segment.boot;

create trigger segment_came after insert on segment begin
  update camera set files = files + 1, bytes = bytes + coalesce(new.bytes, 0), last_seq = max(last_seq, new.seq)
  where id = new.camera;
end;

create trigger segment_grew after update of bytes on segment begin
  update camera set bytes = bytes + coalesce(new.bytes, 0) - coalesce(old.bytes, 0) where id = new.camera;
end;

create trigger segment_went after delete on segment begin
  update camera set files = files - 1, bytes = bytes - coalesce(old.bytes, 0) where id = old.camera;
end;

create table deletion (
  id     text primary key,                                 -- a UUID; the journal's row of this deletion has it too
  camera text not null,                                    -- the camera's id in site.toml
  event  text not null                                     -- JSON: kind and data of that row; its segments are marked 'deleting'
) strict, without rowid;

-- Small pictures of what moved, files beside a segment: they go when it goes.
create table thumbnail (
  camera integer not null references camera,               -- see camera
  seq    integer not null,                                 -- the segment it lies beside
  path   text    not null,                                 -- under the footage folder
  at_ns  integer not null,                                 -- UTC: when it was taken
  bytes  integer not null,                                 -- size of the file
  primary key (camera, seq, path)
) strict, without rowid;

create index thumbnail_by_time on thumbnail (camera, at_ns);

create trigger thumbnail_goes after delete on segment begin
  delete from thumbnail where camera = old.camera and seq = old.seq;
end;

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
