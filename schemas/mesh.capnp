@0x8ce04be65b8cefec;
# Messages between two probes, over ZeroMQ with CURVE; at most 16 KiB, but for a sealed one. Requests flow both ways
# on one connection. The peer is who CURVE says it is and must be in the plan. A message kind that the
# receiver does not know is ignored and counted.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("faultline::wire::schema");
using Types = import "types.capnp";

struct MeshMessage {
  union {
    none @0 :Void;  # never sent
    hello @1 :Types.Protocol;
    traceRequest @2 :TraceRequest;
    traceReply @3 :TraceReply;
    relayRequest @4 :RelayRequest;  # since 1.1, as what follows: who does not know it does not answer
    relayReply @5 :RelayReply;
    sealedBatch @6 :Data;  # `sealed` of control.capnp's Relayed; only to who is ready, for it exceeds 16 KiB
    sealedAck @7 :Data;    # likewise, back
    receiptsRequest @8 :ReceiptsRequest;  # since 1.1, as its answer: who does not know it does not answer
    receipts @9 :Receipts;
  }
}

struct RelayRequest {
  # "Would you pass on my results? I do not reach the controller."
}

struct RelayReply {
  outcome @0 :UInt8;
  # 0 ready, 1 cannot now: ask another, 2 later. Another value reads as 1. A sealedBatch that is not passed on is
  # answered, too: with 1, or with 2 when a bound of the asked node's is reached. Then the way stays: send it again,
  # not before a second has passed.
  controller @1 :Types.PublicKey;
  # Of 0: the key that serves the asked node, not all zero. What is sealed is sealed to it, provided that the asker
  # knows it for a controller's itself. Of 1 and 2: empty.
}

struct TraceRequest {
  # "Trace the way back to me": from the asked node's reflector port to the asker's sourcePort, at the
  # asker's address of the plan.
  request @0 :UInt64;           # chosen by the asker, echoed
  sourcePort @1 :UInt16;        # 1..65535
}

struct TraceReply {
  request @0 :UInt64;
  outcome @1 :UInt8;
  # 0 done, 1 busy: ask again later, 2 not permitted. Another value reads as 1.
  complete @2 :Bool;            # the asker itself answered; otherwise hops is only the prefix seen
  hops @3 :List(Types.Address); # at most 30, in order of travel, neither end; empty: silent
  ended @4 :UInt8;              # why it went no further, as PathTable.ended
}

struct ReceiptsRequest {
  # "What of these STAMP sessions of mine has come to your reflector?" Of the asker's address of the plan.
  request @0 :UInt64;             # chosen by the asker, echoed
  sessions @1 :List(SessionName); # 1 to 64
}

struct SessionName {
  sourcePort @0 :UInt16;          # 1..65535
  ssid @1 :UInt16;                # 1..0xFFEF
  authenticated @2 :Bool;         # the two modes of a session are counted apart
}

struct Receipts {
  request @0 :UInt64;
  records @1 :List(SessionRecord);
  # At most 64, of sessions that were asked about. Of one that is missing nothing is known: its packets may have
  # arrived under another port, or before the reflector was started anew. Empty, too, when the asked node has no time.
}

struct SessionRecord {
  # Sequence numbers are the sender's, modulo 2^32.
  session @0 :SessionName;
  first @1 :UInt32;
  # Of the packet that the record began with: earlier ones, and those of the next four that are not set below, may
  # have arrived, too.
  newest @2 :UInt32;              # the highest that has arrived
  received @3 :UInt64;            # bit i: newest - i has arrived; bit 0 is set
  receivedBefore @4 :UInt64;      # bit i: newest - 64 - i has arrived
}
