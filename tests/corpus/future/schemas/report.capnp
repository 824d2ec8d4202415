@0xdd38f9461e161c97;
# What a probe found in one window, as columns: element i of every column belongs to row i. A column
# has the length of its table's first column, or is empty, which means that every value in it is 0.
# A column unknown to the reader is ignored; one unknown to the writer reads as zeros.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("faultline::wire::schema");
using Types = import "types.capnp";

struct Report {
  planRevision @0 :UInt64;
  windowStart @1 :Types.WallTimeNs;  # a multiple of the window, not negative
  windowNs @2 :UInt64;               # 1 s .. 60 s
  health @3 :ProberHealth;
  flows @4 :FlowTable;
  delays @5 :DelayTable;
  paths @6 :PathTable;
  mtu @7 :List(UInt32);
  verdict @8 :Text;
}

struct ProberHealth {
  # The prober's own state in the window; every count is of this window alone.
  latenessMaxNs @0 :UInt64;     # the longest a due packet waited to be sent
  receiveDrops @1 :UInt32;      # dropped by the kernel for want of socket buffer
  sendFailures @2 :UInt32;      # refused twice in a row by the kernel
  budgetDeferred @3 :UInt32;    # put off by the packets-per-second budget
  repliesUnmatched @4 :UInt32;  # replies that fit no open session
  reflectorRefused @5 :UInt32;
  softnetDrops @6 :UInt32;
  throttledNs @7 :UInt64;
  stolenNs @8 :UInt64;
  clockSync @9 :UInt8;
  clockStepNs @10 :Int64;
  clockOffsetNs @11 :Int64;
  processorNs @12 :UInt64;
  fanRpm @13 :UInt64;
}

struct FlowTable {
  # At most 4096 rows, (target, sourcePort) unique. Counts are packets.
  # lostForward + lostReturn + lostUndetermined <= sent; the rest was answered.
  target @0 :List(UInt32);      # node, 1..
  sourcePort @1 :List(UInt16);  # 1..65535
  sent @2 :List(UInt32);
  lostForward @3 :List(UInt32);
  lostReturn @4 :List(UInt32);
  lostUndetermined @5 :List(UInt32);
  duplicated @6 :List(UInt32);
  reordered @7 :List(UInt32);
  late @8 :List(UInt32);        # answered after the plan's reply timeout; at most the answered
  # Round trip without the reflector's dwell, ns; min <= mean <= max, all 0 when nothing was answered.
  rttMinNs @9 :List(UInt64);
  rttMeanNs @10 :List(UInt64);
  rttMaxNs @11 :List(UInt64);
  size @12 :List(UInt16);
  dscp @13 :List(UInt8);
  dscpThere @14 :List(UInt8);
  dscpBack @15 :List(UInt8);
  dscpRewritten @16 :List(UInt32);
  ecnMarked @17 :List(UInt32);
}

struct DelayTable {
  # Round-trip histogram per target, at most 4096 rows, targets unique. The buckets of all rows follow
  # each other in bucketIndex and bucketCount (both of the length that `buckets` adds up to).
  target @0 :List(UInt32);
  buckets @1 :List(UInt16);      # how many buckets the row has, 0..272
  bucketIndex @2 :List(UInt16);  # 0..271, ascending within a row; edges: common/stats/histogram.h
  bucketCount @3 :List(UInt32);  # 1..
}

struct PathTable {
  # Paths traced since the last report, at most 4096 rows. The hops of all rows follow each other.
  target @0 :List(UInt32);                # node, 1..
  sourcePort @1 :List(UInt16);            # 1..65535
  direction @2 :List(UInt8);              # 0 forward, 1 return
  complete @3 :List(UInt8);               # 0 only a prefix was seen, 1 the far end answered
  tracedAt @4 :List(Types.WallTimeNs);
  hops @5 :List(UInt8);                   # how many hops the row has, 0..30
  hopAddress @6 :List(UInt32);            # 0 silent, else 1 + index into addresses
  addresses @7 :List(Types.Address);      # each distinct hop once
  ended @8 :List(UInt8);
}
