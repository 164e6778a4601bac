-- What the collector has: rows of many boards, what is proven of them, and files. Nothing is acknowledged to a board
-- before the transaction that holds it is committed. SQLite: one writing process, WAL, FULL. PostgreSQL: any number,
-- under a lock for each board; it is made from this text too (integer: bigint, blob: bytea).

create table board (
  id        integer primary key,
  site      text    not null,
  board     text    not null,
  state     text    not null default '',   -- of its last presence: online / offline, '' if none came yet
  epoch     text    not null default '',   -- the journal's epoch at that presence
  head_seq  integer not null default 0,    -- the end of its chain at that presence: so many rows there are at least
  head_hash text    not null default '',
  clock     text    not null default '',   -- how far the board trusted its clock: synced / rtc / unset
  version   text    not null default '',
  boot      text    not null default '',
  at_ns     integer not null default 0,    -- the board's UTC in that presence
  seen_ns   integer not null default 0,    -- our UTC when it came
  refused   integer not null default 0,    -- messages or rows from it that were not understood or did not hold
  why       text    not null default '',   -- the last reason for that
  unique (site, board)
) strict;

create table epoch (
  id          integer primary key,
  board       integer not null references board,
  epoch       text    not null,            -- UUID of one journal of that board: (board, epoch, seq) is a row's identity
  first_ns    integer not null,            -- our UTC when its first row or presence came
  rows        integer not null default 0,
  doubles     integer not null default 0,  -- rows that came again, equal, and were not stored again
  chain_upto  integer not null default 0,  -- every row up to here is there (or given up), and each follows the one before
  chain_hash  blob    not null,            -- hash of that row; SHA-256 of the epoch's text before the first
  chain_holes integer not null default 0,  -- stretches the board gave up, over which the chain was taken up again
  broken_at   integer not null default 0,  -- the first row that follows another row than we hold; 0: none
  unique (board, epoch)
) strict;

create table lane (
  epoch integer not null references epoch,
  lane  text    not null check (lane in ('alarm', 'status')),
  upto  integer not null default 0,        -- the mark: nothing of this lane is missing up to this row
  hash  blob    not null,                  -- its hash
  rows  integer not null default 0,
  beyond text   not null default '[]',     -- stretches behind a hole: [[row before, first, last, hash of last], ...]
  primary key (epoch, lane)
) strict, without rowid;

create table "row" (
  epoch     integer not null references epoch,
  seq       integer not null check (seq > 0),
  lane      text    not null,
  lane_prev integer not null,
  at_ns     integer not null,              -- these four are in `text` as well; here for queries
  kind      text    not null,
  source    text    not null,
  text      text    not null,              -- the canonical row, byte for byte what was hashed
  hash      blob    not null,              -- SHA-256(prev_hash + text): checked before it was stored
  prev_hash blob    not null,              -- checked against the row before as soon as that is there
  primary key (epoch, seq)
) strict, without rowid;

create table given_up (
  epoch  integer not null references epoch,
  lane   text    not null,
  first  integer not null,                 -- rows of the lane with numbers first..last will never come: the board
  last   integer not null,                 -- said so in a `gap` row
  seq    integer not null,                 -- that row
  primary key (epoch, lane, first, last)
) strict, without rowid;

create table conflict (
  epoch     integer not null references epoch,
  seq       integer not null,              -- the identity two rows claim
  lane      text    not null,              -- of the row that is held
  held      blob    not null,              -- its hash: it came first, it stays
  theirs    blob    not null,              -- the other's hash
  text      text    not null,              -- the other's canonical row; '' if only a later row tells of it
  prev_hash blob    not null,
  seen_ns   integer not null,
  primary key (epoch, seq, theirs)
) strict, without rowid;

create table file (
  board     integer not null references board,
  fid       text    not null,              -- the transfer's id, chosen by the board
  name      text    not null,              -- a plain file name
  size      integer not null,
  sha256    text    not null,              -- of the whole, in hex
  user_data text    not null,              -- JSON object of texts, e.g. the event it belongs to
  stored    text    not null default '[]', -- byte ranges [[from, to], ...] that are on the disk, synced, in the part
  done_ns   integer not null default 0,    -- our UTC when the whole had its SHA-256 and lay in its place; 0: not yet
  primary key (board, fid)
) strict, without rowid;

create table piece (
  board   integer not null,
  fid     text    not null,                -- bytes first..last - 1 of this file, while it is not whole,
  first   integer not null,
  last    integer not null,
  object  text    not null,                -- lie in this object of the object store,
  at      integer not null,                -- from this byte on
  primary key (board, fid, first, last, object)
) strict, without rowid;
create index piece_object on piece (object);

create table meta (
  key   text primary key,
  value text not null
) strict, without rowid;
insert into meta values ('version', '2');
