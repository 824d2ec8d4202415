@0x8ce04be65b8cefec;
# Messages between two probes, over ZeroMQ with CURVE; at most 16 KiB. Requests flow both ways on one
# connection. The peer is who CURVE says it is and must be in the plan. A message kind that the
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
    reserved4 @4 :Void;
    reserved5 @5 :Void;
    reserved6 @6 :Void;
    reserved7 @7 :Void;
    reserved8 @8 :Void;
    reserved9 @9 :Void;
    reserved10 @10 :Void;
    reserved11 @11 :Void;
    reserved12 @12 :Void;
    reserved13 @13 :Void;
    reserved14 @14 :Void;
    reserved15 @15 :Void;
    reserved16 @16 :Void;
    reserved17 @17 :Void;
    reserved18 @18 :Void;
    reserved19 @19 :Void;
    reserved20 @20 :Void;
    reserved21 @21 :Void;
    reserved22 @22 :Void;
    reserved23 @23 :Void;
    reserved24 @24 :Void;
    reserved25 @25 :Void;
    reserved26 @26 :Void;
    reserved27 @27 :Void;
    reserved28 @28 :Void;
    reserved29 @29 :Void;
    reserved30 @30 :Void;
    reserved31 @31 :Void;
    relay @32 :Data;
  }
}

struct TraceRequest {
  # "Trace the way back to me": from the asked node's reflector port to the asker's sourcePort, at the
  # asker's address of the plan.
  request @0 :UInt64;           # chosen by the asker, echoed
  sourcePort @1 :UInt16;
  dscp @2 :UInt8;
}

struct TraceReply {
  request @0 :UInt64;
  outcome @1 :UInt8;
  # 0 done, 1 busy: ask again later, 2 not permitted. Another value reads as 1.
  complete @2 :Bool;            # the asker itself answered; otherwise hops is only the prefix seen
  hops @3 :List(Types.Address); # at most 30, in order of travel, neither end; empty: silent
}
