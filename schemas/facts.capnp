@0xffbd8e33ded173d7;
# How a node's own network configuration travels (since 1.1; capability bit 6). The facts themselves are the JSON
# document "faultline.facts/1" (common/facts/facts_json.h): what is sent is also what is kept, shown and tested on.
#
#   FactsUpdate -> FactsAck    at most one is under way; one that is lost is made up for by the next
#   FactsAck (again)           also unasked: the next FactsUpdate comes at once

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("faultline::wire::schema");
using Types = import "types.capnp";

struct FactsUpdate {
  collectedAt @0 :Types.WallTimeNs;
  base @1 :UInt64;     # digest of the document that `payload` changes; 0: payload is all of it
  digest @2 :UInt64;   # of the document after it, not 0: FNV-1a over its compact form with sorted members
  payload @3 :Data;    # zstd of the document, or of a JSON Patch (RFC 6902); 1 byte .. 1 MiB, at most 4 MiB unpacked
}

struct FactsAck {
  digest @0 :UInt64;   # what the controller has of this node now; 0: nothing that can be built on, send all of it
  again @1 :Bool;      # somebody asks just now: collect and send at once. The node does so every 2 s at most
}
