@0xf22c29c8ae6cff90;
# The control conversation between a probe and its controller, over ZeroMQ with CURVE. One ZeroMQ
# message (one frame) is one ProbeMessage or one ControllerMessage, at most 2 MiB.
#
#   join:   Join -> Joined | Refusal                 with the token's one-use identity, once
#   start:  Hello -> Welcome | Refusal, then Plan    with the node's own key, at every connection
#   steady: Heartbeat -> HeartbeatReply | Refusal; Batch -> BatchAck; Plan -> PlanAck; Boost
#           FactsUpdate -> FactsAck (1.1, where both sides have its capability)
#   tests:  TestRequest -> TestProgress, several (1.1, where both sides have its capability)
#   relay:  Relayed -> RelayedAck                    for a node that is cut off (1.1, likewise)
#   keys:   RekeyRequest -> Rekey -> Rekeyed         a node gets a new key
#           Controllers -> ControllersAck            the controllers' keys change
#   end:    Goodbye (1.1, where both sides have its capability), then nothing more
#
# Both key exchanges may be cut off anywhere and are taken up again at the next Hello or Heartbeat: every
# message of theirs may be repeated. Only who has the capability `changes keys` is asked.
#
# A message kind that the receiver does not know is ignored and counted. The sender is who CURVE says
# it is; nothing in a message names its sender.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("faultline::wire::schema");
using Types = import "types.capnp";
using Plan = import "plan.capnp".Plan;
using Facts = import "facts.capnp";

struct ProbeMessage {
  union {
    none @0 :Void;  # never sent: an empty message must not look like a kind
    join @1 :Join;
    hello @2 :Hello;
    heartbeat @3 :Heartbeat;
    planAck @4 :PlanAck;
    batch @5 :Batch;
    goodbye @6 :Goodbye;  # since 1.1; capability bit 2
    rekey @7 :Rekey;
    controllersAck @8 :ControllersAck;
    factsUpdate @9 :Facts.FactsUpdate;  # since 1.1; capability bit 6
    testProgress @10 :TestProgress;  # since 1.1; capability bit 7
    relayed @11 :Relayed;  # since 1.1; capability bit 8
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
    rekeyRequest @7 :RekeyRequest;
    rekeyed @8 :Rekeyed;
    controllers @9 :Controllers;
    boost @10 :Boost;  # since 1.1; capability bit 4
    factsAck @11 :Facts.FactsAck;  # since 1.1; capability bit 6
    testRequest @12 :TestRequest;  # since 1.1; capability bit 7
    relayedAck @13 :Relayed;  # since 1.1; capability bit 8
  }
}

struct Join {
  # Asks to pin a node's key under the identity of a one-use token. Repeating it with the same key
  # gives the same answer.
  protocol @0 :Types.Protocol;
  nodeKey @1 :Types.PublicKey;    # not all zero
  name @2 :Text;                  # a name, or empty where the token fixes it
  profile @3 :Types.NodeProfile;
}

struct Joined {
  node @0 :UInt32;  # 1.. ; permanent
  name @1 :Text;
}

struct Refusal {
  reason @0 :UInt8;
  # 0 unknown key, 1 token spent, 2 protocol version, 3 malformed, 4 name taken, 5 overloaded.
  # A reason that the receiver does not know reads as 3. 5 is also the answer to a Heartbeat of a node that
  # has not said Hello since the controller started: connect again within some seconds.
  text @1 :Text;    # one sentence for the log, at most 512 bytes
}

struct Hello {
  protocol @0 :Types.Protocol;
  software @1 :Text;               # "faultline-probe 0.1.0", at most 512 bytes
  boot @2 :UInt64;                 # random per probe process, not 0
  profile @3 :Types.NodeProfile;
  planRevision @4 :UInt64;         # held from before, 0 for none
  planHash @5 :UInt64;             # of that plan, 0 for none
  sentAt @6 :Types.WallTimeNs;     # 0: not said, by nodes before it; controllers before it ignore it
}

struct Welcome {
  protocol @0 :Types.Protocol;
  software @1 :Text;
  node @2 :UInt32;                 # 1..
  name @3 :Text;
  heartbeatIntervalNs @4 :UInt64;  # 10 ms .. 10 min
  planCurrent @5 :Bool;            # the plan held is the newest: none will follow
}

struct Heartbeat {
  sequence @0 :UInt64;
  sentAt @1 :Types.WallTimeNs;
  planRevision @2 :UInt64;         # being measured, 0 for none
  spoolBatches @3 :UInt64;         # waiting for acknowledgement
  spoolBytes @4 :UInt64;
  spoolDropped @5 :UInt64;         # results dropped since this boot for want of space
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
  payload @4 :Data;                # a Report (report.capnp) with its own framing; at most 1 MiB
}

struct Goodbye {
  # The last message of a process that was asked to stop: it no longer measures nor answers, and means
  # to come back. A peer of 1.0 ignores it.
  boot @0 :UInt64;                 # of the process that stops, not 0
  stoppedAt @1 :Types.WallTimeNs;  # by the node's own clock
  spoolBatches @2 :UInt64;         # not acknowledged; they are sent after the next start
}

struct Boost {
  # Flows of the plan in force that send more often for a while. It replaces what is left of an earlier one
  # and ends when its life, that plan or measuring ends. Nothing answers it. A peer of 1.0 is not sent it.
  planRevision @0 :UInt64;         # 1.. ; with another plan in force the message means nothing
  lifeNs @1 :UInt64;               # 1 ms .. 10 min, from its receipt
  flow @2 :List(UInt32);           # indexes into the plan's flows, ascending; at most 4096
  times @3 :List(UInt16);          # 2 .. 16, as long as `flow`: packets per flow interval
}

struct BatchAck {
  # What of `boot` is durable at the controller; everything else is to be sent again.
  boot @0 :UInt64;                 # not 0
  durable @1 :List(Interval);      # ascending, disjoint, at most 8
  credit @2 :UInt32;               # batches that may be unacknowledged in flight, live ones and
                                   # backlog together: the probe divides it; 0: some that were not
                                   # acknowledged are gone: send again, one at a time
}

struct Interval {
  # Closed.
  first @0 :UInt64;
  last @1 :UInt64;                 # at least first
}

struct RekeyRequest {
  # "Make a new key pair and tell its public half." Repeated until a message has come under the new key.
}

struct Rekey {
  # On a connection under the old key, and once the new pair is durable at the node. Refused (3) when it was
  # not asked for.
  key @0 :Types.PublicKey;         # not all zero, not known otherwise
}

struct Rekeyed {
  # Both keys are pinned durably, and peers were told of both: connect under the new one. The first message
  # under it ends the trust in the old one.
  key @0 :Types.PublicKey;         # the new one
}

struct Controllers {
  # All keys under which a controller may serve from now on; others that the node knows are void.
  revision @0 :UInt64;             # 1.. ; grows with every change
  keys @1 :List(Types.PublicKey);  # 1 to 8, not all zero, each once; the first is served now
}

struct ControllersAck {
  revision @0 :UInt64;             # whose keys are durable at the node
}

struct TestRequest {
  # "Carry out this test now", which an operator ordered. Answered by at least one TestProgress. With the order
  # {"kind": "end"}: "end the test of that number", which nothing answers; a probe that does not know it refuses it.
  # With {"kind": "admit", "source": ADDRESS, "port": REFLECTOR}: "a member at that address is about to test you by STAMP;
  # answer it until the lease or the test of that number ends", done when it will be (common/ondemand/admission.h); likewise.
  test @0 :UInt64;                 # chosen by the controller, not 0; echoed
  leaseNs @1 :UInt64;              # 1 s .. 5 min, from its receipt: nothing is begun nor goes on after it
  order @2 :Data;                  # JSON (common/ondemand/order_json.h), at most 4096 bytes, not empty
}

struct TestProgress {
  test @0 :UInt64;                 # not 0
  state @1 :UInt8;                 # 0 running, 1 done, 2 refused; one that is not known reads as 2
  text @2 :Text;                   # how far it is, or why it was refused; at most 512 bytes
  report @3 :Data;                 # JSON (common/ondemand/README.md), at most 512 KiB; empty unless done
}

struct Relayed {
  # What a node that is cut off and the controller say to each other through another node, which has it by the mesh
  # (mesh.capnp) and can neither read nor change it. A batch whose seal does not open, or whose node is not
  # trusted, is counted and answered by nothing. Acknowledgements go to who passed on the newest batch.
  origin @0 :Types.PublicKey;  # of the node that is cut off, not all zero
  sealed @1 :Data;
  # 41 bytes to 1 MiB + 4096: nonce (24) | crypto_box between `origin` and the controller's served key
  # (X25519, XSalsa20-Poly1305) of: kind (1 batch, 2 acknowledgement) | a message of this file with its framing,
  # which is a ProbeMessage of kind `batch` or a ControllerMessage of kind `batchAck`, and no other.
}
