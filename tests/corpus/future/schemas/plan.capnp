@0xf7978cbb6bdfef84;
# What the controller tells one probe to measure. Always whole, never a difference. Travels inside a
# ControllerMessage and, by itself, is what a probe keeps on disk.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("faultline::wire::schema");
using Types = import "types.capnp";

struct Plan {
  revision @0 :UInt64;             # 1.. ; grows with every plan
  node @1 :UInt32;                 # whom the plan is for, 1..
  windowNs @2 :UInt64;             # 1 s .. 60 s; windows align to UTC
  flowIntervalNs @3 :UInt64;       # 1 ms .. 1 h; one packet per flow and interval
  replyTimeoutNs @4 :UInt64;       # 1 ms .. 60 s
  leaseNs @5 :UInt64;              # 1 s .. 30 d; measuring stops when it has run out
  packetsPerSecondMax @6 :UInt32;  # 1 .. 100000, over all that the node sends of its own accord
  tracesPerSecond @7 :UInt32;      # 0 .. 1000 TTL probes per second and hop distance; 0 traces nothing
  peers @8 :List(Peer);            # at most 4096, nodes unique
  flows @9 :FlowColumns;
  packetsPerSecondPerGroupMax @10 :UInt32;
  traceIntervalNs @11 :UInt64;
  mtuTests @12 :List(UInt32);
  comment @13 :Text;
}

struct Peer {
  node @0 :UInt32;             # 1..
  name @1 :Text;               # a name, see Label.key
  address @2 :Types.Address;   # unicast
  reflectorPort @3 :UInt16;    # UDP, 1..65535
  meshPort @4 :UInt16;         # TCP; 0: not reachable by mesh
  key @5 :Types.PublicKey;
  secondKey @6 :Types.PublicKey;
  authenticates @7 :Bool;
  group @8 :UInt16;
}

struct FlowColumns {
  # Tracked flows as columns of one length, at most 4096.
  peer @0 :List(UInt32);        # index into Plan.peers
  sourcePort @1 :List(UInt16);
  size @2 :List(UInt16);
  dscp @3 :List(UInt8);
  hue @4 :List(UInt16);
}
