"""Every event kind, one frozen dataclass each: the vocabulary of the product.

The kinds of an area stand in its file, in the order of the list below; all are imported from here. Rules:
- what happens at a site is one of these; nothing else is ever written into the journal;
- `source` says which thing it happened to (a point, pump, relay, camera, process, link, alarm id);
- `drill` marks what happened in a drill, `walk_test` what happened during a walk test: in the row's data only where
  it is true;
- all other fields are the row's `data`: text, whole numbers with the unit last in the name, booleans,
  lists of text. No floats: two JSON writers print 1e16 differently, and rows are hashed;
- `signal` is the class of NFPA 72 (alarm / supervisory / trouble / status). It decides the lane unless the
  kind names its lane itself.
"""

from agent.core.events.base import *
from agent.core.events.board import *
from agent.core.events.points import *
from agent.core.events.rooms import *
from agent.core.events.permits import *
from agent.core.events.incidents import *
from agent.core.events.values import *
from agent.core.events.pumps import *
from agent.core.events.starts import *
from agent.core.events.alarms import *
from agent.core.events.commissioning import *
from agent.core.events.relays import *
from agent.core.events.footage import *
from agent.core.events.cameras import *
from agent.core.events.uplink import *
from agent.core.events.people import *
from agent.core.events.installer import *
