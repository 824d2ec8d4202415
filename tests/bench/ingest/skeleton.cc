#include "tests/bench/ingest/skeleton.h"

#include <endian.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <rocksdb/db.h>

#include "common/async/clock.h"
#include "common/wire/control_codec.h"
#include "common/zmq/link_options.h"
#include "control.capnp.h"
#include "controller/store/options.h"
#include "report.capnp.h"

namespace faultline::bench {
namespace {

namespace schema = wire::schema;

constexpr std::size_t kGroupMax = 1024;  // batches in one write, as the controller's

capnp::ReaderOptions no_limits() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = ~0ULL;
  return options;
}

template <typename List>
std::uint64_t sum(const List& column) {
  std::uint64_t result = 0;
  for (const auto value : column) result += value;
  return result;
}

// A blob of a message lies on a word, as messages do.
std::uint64_t sums(capnp::Data::Reader payload) {
  const kj::ArrayPtr<const capnp::word> words{reinterpret_cast<const capnp::word*>(payload.begin()),
                                              payload.size() / sizeof(capnp::word)};
  capnp::FlatArrayMessageReader reader(words, no_limits());
  const auto report = reader.getRoot<schema::Report>();
  const auto flows = report.getFlows();
  const auto delays = report.getDelays();
  return sum(flows.getTarget()) + sum(flows.getSourcePort()) + sum(flows.getSent()) +
         sum(flows.getLostForward()) + sum(flows.getLostReturn()) +
         sum(flows.getLostUndetermined()) + sum(flows.getDuplicated()) + sum(flows.getReordered()) +
         sum(flows.getLate()) + sum(flows.getRttMinNs()) + sum(flows.getRttMeanNs()) +
         sum(flows.getRttMaxNs()) + sum(delays.getBucketIndex()) + sum(delays.getBucketCount());
}

class Skeleton {
 public:
  Skeleton(zmq::Socket server, std::unique_ptr<rocksdb::DB> db)
      : server_(std::move(server)), db_(std::move(db)) {}

  // One round: all that has arrived, one write, its acknowledgements.
  void serve_once() {
    ::zmq_pollitem_t item{server_.handle(), 0, ZMQ_POLLIN, 0};
    ::zmq_poll(&item, 1, -1);
    rocksdb::WriteBatch write;
    acks_.clear();
    while (acks_.size() < kGroupMax && take(write)) continue;
    if (acks_.empty()) return;
    rocksdb::WriteOptions synced;
    synced.sync = true;
    if (!db_->Write(synced, &write).ok()) std::abort();
    for (const auto& [route, ack] : acks_) send(route, ack);
  }

 private:
  bool take(rocksdb::WriteBatch& write) {
    ::zmq::message_t route;
    if (!server_.recv(route, ::zmq::recv_flags::dontwait)) return false;
    ::zmq::message_t body;
    static_cast<void>(server_.recv(body));
    auto words = kj::heapArray<capnp::word>(body.size() / sizeof(capnp::word));
    std::memcpy(words.begin(), body.data(), words.size() * sizeof(capnp::word));
    capnp::FlatArrayMessageReader reader(words, no_limits());
    const auto message = reader.getRoot<schema::ProbeMessage>();
    if (message.isHello()) {
      send(route.to_string(),
           Welcome{.software = "skeleton", .node = NodeId{++nodes_}, .name = "x"});
    } else if (message.isHeartbeat()) {
      send(route.to_string(), HeartbeatReply{.sequence = message.getHeartbeat().getSequence(),
                                             .sent_at = async::now_wall(),
                                             .answered_at = async::now_wall()});
    } else if (message.isBatch()) {
      const auto batch = message.getBatch();
      const auto payload = batch.getPayload();
      sums_ += sums(payload);
      ++rows_;
      // In the order of arrival, as the controller's are in that of time.
      const auto ordered = htobe64(rows_);
      char key[sizeof ordered];
      std::memcpy(key, &ordered, sizeof ordered);
      write.Put({key, sizeof key},
                {reinterpret_cast<const char*>(payload.begin()), payload.size()});
      acks_.emplace_back(route.to_string(),
                         BatchAck{.boot = BootId{batch.getBoot()},
                                  .durable = {{batch.getSequence(), batch.getSequence()}},
                                  .credit = 32});
    }
    return true;
  }

  void send(const std::string& route, const ControllerMessage& message) {
    const auto bytes = wire::encode(message);
    ::zmq_send(server_.handle(), route.data(), route.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT);
    ::zmq_send(server_.handle(), bytes.data(), bytes.size(), ZMQ_DONTWAIT);
  }

  zmq::Socket server_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<std::pair<std::string, BatchAck>> acks_;
  std::uint64_t rows_ = 0;
  std::uint64_t sums_ = 0;
  std::uint32_t nodes_ = 0;
};

}  // namespace

Status serve_skeleton(SkeletonOptions options) {
  // The product's own options, so that memory, compression and compaction cost both the same.
  const rocksdb::Options database{store::database_options(),
                                  store::window_options(store::make_block_cache())};
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::Open(database, options.store.string(), &opened).ok()) {
    return fail(ErrorCode::kUnavailable, "cannot open the skeleton's store");
  }
  std::unique_ptr<rocksdb::DB> db{opened};
  async::Published<zmq::TrustTable> trust{std::move(options.trust)};
  auto context = zmq::make_context();
  const zmq::ZapThread zap{context, trust};
  zmq::LinkOptions link;
  link.handshake_timeout = kPatientHandshake;  // as the product
  FAULTLINE_TRY(auto server, zmq::make_server(context, zap, options.keys, link));
  FAULTLINE_TRY(const auto endpoint, zmq::listen(server, options.listen));
  std::fprintf(stderr, "ready: version 0, at %s\n", endpoint.c_str());
  Skeleton skeleton{std::move(server), std::move(db)};
  while (true) skeleton.serve_once();  // until the process is killed
}

}  // namespace faultline::bench
