#include "probe/mesh/mesh.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/obs/log.h"
#include "common/wire/mesh_codec.h"

namespace faultline::mesh {
namespace {

std::string endpoint_of(const PlanPeer& peer) {
  return "tcp://" + to_string(Endpoint{peer.address, peer.mesh_port});
}

bool same_place(const PlanPeer& a, const PlanPeer& b) {
  return a.address == b.address && a.mesh_port == b.mesh_port && a.key == b.key;
}

}  // namespace

zmq::LinkOptions mesh_link_options() {
  zmq::LinkOptions options;
  options.message_bytes_max = wire::kMeshMessageMax;
  options.queue_messages_max = 64;
  // Many connections, of which none is urgent.
  options.heartbeat_interval = std::chrono::seconds{10};
  options.heartbeat_timeout = std::chrono::seconds{30};
  options.backlog = 256;
  return options;
}

Mesh::Mesh(uplink::Environment environment, crypto::KeyPair own, EventHandler on_event)
    : environment_(environment), own_(std::move(own)), on_event_(std::move(on_event)) {}

Mesh::~Mesh() {
  for (auto& [node, dialed] : dialed_) dialed.connection->close();
}

Result<std::string> Mesh::listen(const zmq::ZapThread& zap, const std::string& endpoint) {
  FAULTLINE_TRY(auto socket,
                zmq::make_server(environment_.context, zap, own_, mesh_link_options()));
  FAULTLINE_TRY(auto bound, zmq::listen(socket, endpoint));
  router_ = std::make_unique<zmq::ZmqSocket>(environment_.loop, std::move(socket));
  environment_.tasks.spawn("mesh", receive(*this));
  return bound;
}

async::awaitable<void> Mesh::receive(Mesh& mesh) {
  for (;;) {  // until the task is cancelled
    const auto message = co_await mesh.router_->receive();
    if (const auto node = mesh.nodes_.find(*message.sender); node != mesh.nodes_.end()) {
      mesh.routes_[node->second] = message.route;
    }
    mesh.take(*message.sender, message.bytes());
  }
}

void Mesh::take(const PublicKey& sender, std::span<const std::byte> bytes) {
  counters_.received.add();
  on_event_(sender, wire::decode_mesh_message(bytes));
}

void Mesh::set_peers(std::shared_ptr<const Plan> plan) {
  const auto before = std::exchange(plan_, std::move(plan));
  auto old_peers = std::exchange(peers_, {});
  nodes_.clear();
  for (std::size_t i = 0; i < plan_->peers.size(); ++i) {
    peers_[plan_->peers[i].node] = i;
    nodes_[plan_->peers[i].key] = plan_->peers[i].node;
  }
  for (auto dialed = dialed_.begin(); dialed != dialed_.end();) {
    const auto current = dialed++;
    const auto* peer = find_peer(current->first);
    if (peer == nullptr || !same_place(*peer, before->peers[old_peers.at(current->first)])) {
      hang_up(current);
    }
  }
  std::erase_if(routes_, [&](const auto& route) { return !peers_.contains(route.first); });
}

const PlanPeer* Mesh::find_peer(NodeId node) const {
  const auto found = peers_.find(node);
  return found == peers_.end() ? nullptr : &plan_->peers[found->second];
}

bool Mesh::send(Instant now, NodeId to, const MeshMessage& message) {
  const auto* peer = find_peer(to);
  if (peer == nullptr) return false;
  auto body = wire::encode(message);
  if (!dialed_.contains(to)) {
    if (send_inbound(to, body)) return true;
    if (!dial(now, *peer)) return false;
  }
  return queue(now, dialed_.at(to), std::move(body));
}

bool Mesh::send_inbound(NodeId to, std::span<const std::byte> body) {
  const auto route = routes_.find(to);
  if (route == routes_.end()) return false;
  const auto outcome = router_->try_send_to(route->second, body);
  if (outcome == zmq::SendOutcome::kUnreachable) routes_.erase(route);
  if (outcome == zmq::SendOutcome::kSent) counters_.sent.add();
  return outcome == zmq::SendOutcome::kSent;
}

bool Mesh::dial(Instant now, const PlanPeer& peer) {
  if (peer.mesh_port == 0) {
    counters_.no_way.add();
    return false;
  }
  make_room();
  auto on_message = [this, key = peer.key](std::span<const std::byte> bytes) { take(key, bytes); };
  auto connection = uplink::Connection::open(environment_, {endpoint_of(peer), peer.key}, own_,
                                             mesh_link_options(), std::move(on_message));
  if (!connection) {
    counters_.dial_failures.add();
    obs::log_warning("mesh", "cannot connect to {}: {}", peer.name, connection.error().context);
    return false;
  }
  counters_.dialed.add();
  auto& dialed = dialed_[peer.node];
  dialed.connection = *std::move(connection);
  dialed.used_at = now;
  return queue(now, dialed, wire::encode(MeshMessage{MeshHello{}}));
}

void Mesh::make_room() {
  if (dialed_.size() < kDialedMax) return;
  counters_.evicted.add();
  hang_up(std::ranges::min_element(dialed_, {},
                                   [](const auto& entry) { return entry.second.used_at; }));
}

bool Mesh::queue(Instant now, Dialed& dialed, std::vector<std::byte> body) {
  if (dialed.outbox.size() >= kOutboxMax) {
    counters_.outbox_full.add();
    return false;
  }
  dialed.used_at = now;
  dialed.outbox.push_back({std::move(body), now});
  flush(now, dialed);
  return true;
}

void Mesh::flush(Instant now, Dialed& dialed) {
  while (!dialed.outbox.empty()) {
    if (now - dialed.outbox.front().since >= kOutboxAge) {
      counters_.outbox_expired.add();
    } else if (dialed.connection->try_send(dialed.outbox.front().body) == zmq::SendOutcome::kSent) {
      counters_.sent.add();
    } else {
      return;
    }
    dialed.outbox.pop_front();
  }
}

void Mesh::tick(Instant now) {
  for (auto dialed = dialed_.begin(); dialed != dialed_.end();) {
    const auto current = dialed++;
    flush(now, current->second);
    if (now - current->second.used_at >= kIdleMax) hang_up(current);
  }
}

void Mesh::hang_up(std::map<NodeId, Dialed>::iterator dialed) {
  dialed->second.connection->close();
  dialed_.erase(dialed);
}

}  // namespace faultline::mesh
