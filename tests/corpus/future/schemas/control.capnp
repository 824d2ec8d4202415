@0xf22c29c8ae6cff90;
# The control conversation between a probe and its controller, over ZeroMQ with CURVE. One ZeroMQ
# message (one frame) is one ProbeMessage or one ControllerMessage, at most 2 MiB.
#
#   join:   Join -> Joined | Refusal                 with the token's one-use identity, once
#   start:  Hello -> Welcome | Refusal, then Plan    with the node's own key, at every connection
#   steady: Heartbeat -> HeartbeatReply; Batch -> BatchAck; Plan -> PlanAck
#   end:    Goodbye (1.1, where both sides have its capability), then nothing more
#
# A message kind that the receiver does not know is ignored and counted. The sender is who CURVE says
# it is; nothing in a message names its sender.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("faultline::wire::schema");
using Types = import "types.capnp";
using Plan = import "plan.capnp".Plan;

struct ProbeMessage {
  union {
    none @0 :Void;  # never sent: an empty message must not look like a kind
    join @1 :Join;
    hello @2 :Hello;
    heartbeat @3 :Heartbeat;
    planAck @4 :PlanAck;
    batch @5 :Batch;
    goodbye @6 :Goodbye;
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
    telemetry @32 :Telemetry;
  }
}

struct ControllerMessage {
  union {
    none @0 :Void;  # never sent
    joined @1 :Joined;
    refusal @2 :Refusal;
    welcome @3 :Welcome;
    heartbeatReply @4 :HeartbeatReply;
    plan @5 :Plan;
    batchAck @6 :BatchAck;
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
    command @32 :Telemetry;
  }
}

struct Telemetry {
  text @0 :Text;
  values @1 :List(UInt64);
}

struct Join {
  # Asks to pin a node's key under the identity of a one-use token. Repeating it with the same key
  # gives the same answer.
  protocol @0 :Types.Protocol;
  nodeKey @1 :Types.PublicKey;    # not all zero
  name @2 :Text;                  # a name, or empty where the token fixes it
  profile @3 :Types.NodeProfile;
  serial @4 :Text;
  slots @5 :UInt32;
}

struct Joined {
  node @0 :UInt32;  # 1.. ; permanent
  name @1 :Text;
}

struct Refusal {
  reason @0 :UInt8;
  # 0 unknown key, 1 token spent, 2 protocol version, 3 malformed, 4 name taken, 5 overloaded.
  # A reason that the receiver does not know reads as 3.
  text @1 :Text;    # one sentence for the log, at most 512 bytes
}

struct Hello {
  protocol @0 :Types.Protocol;
  software @1 :Text;               # "faultline-probe 0.1.0", at most 512 bytes
  boot @2 :UInt64;                 # random per probe process, not 0
  profile @3 :Types.NodeProfile;
  planRevision @4 :UInt64;         # held from before, 0 for none
  planHash @5 :UInt64;
  sentAt @6 :Types.WallTimeNs;
  container @7 :Text;
  uptimeNs @8 :UInt64;
  features @9 :List(Telemetry);
}

struct Welcome {
  protocol @0 :Types.Protocol;
  software @1 :Text;
  node @2 :UInt32;                 # 1..
  name @3 :Text;
  heartbeatIntervalNs @4 :UInt64;  # 10 ms .. 10 min
  planCurrent @5 :Bool;
  region @6 :Text;
  epoch @7 :UInt64;
  urgent @8 :Bool;
}

struct Heartbeat {
  sequence @0 :UInt64;
  sentAt @1 :Types.WallTimeNs;
  planRevision @2 :UInt64;         # being measured, 0 for none
  spoolBatches @3 :UInt64;         # waiting for acknowledgement
  spoolBytes @4 :UInt64;
  spoolDropped @5 :UInt64;
  cpuShare @6 :Float64;
  note @7 :Text;
}

struct HeartbeatReply {
  sequence @0 :UInt64;             # echoed
  sentAt @1 :Types.WallTimeNs;     # echoed
  answeredAt @2 :Types.WallTimeNs; # the controller's clock
}

struct PlanAck {
  revision @0 :UInt64;
  hash @1 :UInt64;                 # FNV-1a over the plan's fields, common/model/plan.h
  accepted @2 :Bool;
  reason @3 :Text;                 # why not; at most 512 bytes
}

struct Batch {
  # Results under one sequence number, or (empty payload) the record of a gap: the batches
  # firstSequence..sequence were dropped by the spool.
  boot @0 :UInt64;                 # of the process that measured, not 0
  firstSequence @1 :UInt64;        # equals sequence unless it is a gap; at most sequence
  sequence @2 :UInt64;
  resultsDropped @3 :UInt64;       # of a gap; 0 otherwise
  payload @4 :Data;
  checksum @5 :UInt64;
  signature @6 :Data;
}

struct Goodbye {
  # The last message of a process that was asked to stop: it no longer measures nor answers, and means
  # to come back. A peer of 1.0 ignores it.
  boot @0 :UInt64;                 # of the process that stops, not 0
  stoppedAt @1 :Types.WallTimeNs;  # by the node's own clock
  spoolBatches @2 :UInt64;
  reason @3 :UInt8;
  comment @4 :Text;
}

struct BatchAck {
  # What of `boot` is durable at the controller; everything else is to be sent again.
  boot @0 :UInt64;                 # not 0
  durable @1 :List(Interval);      # ascending, disjoint, at most 8
  credit @2 :UInt32;
  pauseNs @3 :UInt64;
}

struct Interval {
  # Closed.
  first @0 :UInt64;
  last @1 :UInt64;
  bytes @2 :UInt64;
}
