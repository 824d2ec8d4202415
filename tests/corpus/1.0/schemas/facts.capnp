@0xffbd8e33ded173d7;
# A node's own network configuration. Thin: what merging interface addresses into devices needs.
# Carried by no message yet; routes, neighbours, bridges, firewall and offloads join as new fields.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("faultline::wire::schema");
using Types = import "types.capnp";

struct Facts {
  collectedAt @0 :Types.WallTimeNs;
  interfaces @1 :List(Interface);  # at most 1024
}

struct Interface {
  index @0 :UInt32;             # the kernel's, 1..
  name @1 :Text;                # at most 15 bytes
  mac @2 :Data;                 # 6 bytes, or empty where there is none
  mtu @3 :UInt32;               # bytes
  up @4 :Bool;                  # administratively up and with carrier
  addresses @5 :List(Prefix);   # at most 256
}

struct Prefix {
  address @0 :Types.Address;
  length @1 :UInt8;             # 0..32 or 0..128
}
