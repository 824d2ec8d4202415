@0xd632821655ef19c4;
# Values that more than one schema carries. Rules for every schema are in README.md.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("faultline::wire::schema");

# An IPv4 (4 bytes) or IPv6 (16 bytes) address in network order. Any other length is refused, except
# where a field says that an empty one has a meaning.
using Address = Data;

# Nanoseconds since 1970-01-01T00:00:00Z by the sender's clock; refused from 2200 on.
using WallTimeNs = Int64;

# A CURVE25519 public key, exactly 32 bytes.
using PublicKey = Data;

# Version and capabilities of one side. It is the first field of every opening message and never
# changes its meaning, so that a peer of any version can be told why it is refused.
struct Protocol {
  major @0 :UInt16;
  # Another major version is refused; all other fields of the message may then mean anything.
  minor @1 :UInt16;
  # Informative: minor versions only add fields and message kinds that an old peer ignores.
  capabilities @2 :UInt64;
  # Bit set: 0 traces paths, 1 speaks mesh, 2 says goodbye (1.1), 3 changes keys (1.1), 4 boosts flows (1.1),
  # 5 authenticates STAMP (1.1), 6 facts, 7 ordered tests, 8 relays (1.1). Each side uses what both have and
  # ignores unknown bits.
}

struct Label {
  key @0 :Text;    # a name: letters, digits, '.', '-', '_'; at most 63 bytes
  value @1 :Text;  # printable ASCII, at most 63 bytes
}

struct NodeProfile {
  # What a probe says of itself.
  kind @0 :UInt8;                # 0 host, 1 vm; another value reads as 0
  labels @1 :List(Label);        # at most 32, keys unique; zone, pod and rack mean something to the planner
  address @2 :Address;           # unicast; where its measurement packets come from and go to
  reflectorPort @3 :UInt16;      # UDP, 1..65535
  sourcePortFirst @4 :UInt16;    # first UDP source port, 1..65535 unless the count is 0
  sourcePortCount @5 :UInt16;    # first + count <= 65536
  meshPort @6 :UInt16;           # TCP; 0 accepts no mesh connections
}
