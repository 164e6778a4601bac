-- Boards' own keys, and the last head of a chain that one of them signed. Made in stores of any age.

create table if not exists board_key (
  board    integer primary key references board,
  key      text    not null,               -- the first key that signed a presence: believed until a person trusts another
  first_ns integer not null,               -- our UTC of that
  state    text    not null,               -- of the last presence: signed / unsigned / forged / other-key
  other    text    not null default '',    -- the other key, where a presence was signed with one
  epoch    text    not null default '',    -- the head that `key` signed last: the chain ended there, with this hash
  head_seq integer not null default 0,
  head     text    not null default ''
) strict;
