#include "probe/mesh/mesh.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/obs/log.h"
#include "common/wire/mesh_codec.h"

namespace faultline::mesh {

using namespace async::asio::experimental::awaitable_operators;

namespace {

std::string endpoint_of(const PlanPeer& peer) {
  return "tcp://" + to_string(Endpoint{peer.address, peer.mesh_port});
}

bool same_place(const PlanPeer& a, const PlanPeer& b) {
  return a.address == b.address && a.mesh_port == b.mesh_port;
}

}  // namespace

zmq::LinkOptions mesh_link_options() {
  zmq::LinkOptions options;
  options.message_bytes_max = wire::kMeshSealedMax;
  options.queue_messages_max = 16;  // of sealed ones this is 17 MiB of a member that misbehaves
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
  close_listener();
}

Mesh::Listener::Listener(async::asio::io_context& loop, zmq::Socket server)
    : socket(loop, std::move(server)),
      closing(loop, async::asio::steady_timer::time_point::max()) {}

Result<std::string> Mesh::listen(const zmq::ZapThread& zap, const std::string& endpoint) {
  zap_ = &zap;
  FAULTLINE_TRY(listen_endpoint_, open_listener(endpoint));
  return listen_endpoint_;
}

Result<std::string> Mesh::open_listener(const std::string& endpoint) {
  FAULTLINE_TRY(auto socket,
                zmq::make_server(environment_.context, *zap_, own_, mesh_link_options()));
  FAULTLINE_TRY(auto bound, zmq::listen(socket, endpoint));
  listener_ = std::make_shared<Listener>(environment_.loop, std::move(socket));
  environment_.tasks.spawn("mesh", receive(*this, listener_));
  return bound;
}

void Mesh::close_listener() {
  if (listener_ == nullptr) return;
  listener_->closed = true;
  listener_->closing.cancel();
  listener_.reset();
  routes_.clear();
}

async::awaitable<void> Mesh::closed(std::shared_ptr<Listener> listener) {
  async::error_code ignored;
  co_await listener->closing.async_wait(async::asio::redirect_error(async::use_awaitable, ignored));
}

async::awaitable<void> Mesh::receive(Mesh& mesh, std::shared_ptr<Listener> listener) {
  while (!listener->closed) {  // or until the task is cancelled
    const auto outcome = co_await (listener->socket.receive() || closed(listener));
    if (listener->closed || outcome.index() == 1) break;
    const auto& message = std::get<0>(outcome);
    if (const auto node = mesh.nodes_.find(*message.sender); node != mesh.nodes_.end()) {
      mesh.routes_[node->second] = message.route;
    }
    mesh.take(*message.sender, message.bytes());
  }
}

void Mesh::rekey(Instant now, crypto::KeyPair own) {
  own_ = std::move(own);
  close_listener();
  for (auto dialed = dialed_.begin(); dialed != dialed_.end();) {
    const auto current = dialed++;
    static_cast<void>(redial(now, *find_peer(current->first), current->second.key));
  }
}

void Mesh::take(const PublicKey& sender, std::span<const std::byte> bytes) {
  counters_.received.add();
  on_event_(sender, wire::decode_mesh_message(bytes));
}

void Mesh::set_peers(Instant now, std::shared_ptr<const Plan> plan) {
  const auto before = std::exchange(plan_, std::move(plan));
  auto old_peers = std::exchange(peers_, {});
  nodes_.clear();
  for (std::size_t i = 0; i < plan_->peers.size(); ++i) {
    const auto& peer = plan_->peers[i];
    peers_[peer.node] = i;
    nodes_[peer.key] = peer.node;
    if (peer.second_key) nodes_[*peer.second_key] = peer.node;
  }
  for (auto dialed = dialed_.begin(); dialed != dialed_.end();) {
    const auto current = dialed++;
    const auto* peer = find_peer(current->first);
    if (peer == nullptr || !same_place(*peer, before->peers[old_peers.at(current->first)])) {
      hang_up(current);
    } else if (!peer->has_key(current->second.key)) {
      static_cast<void>(redial(now, *peer, peer->key));
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
  const auto outcome = listener_->socket.try_send_to(route->second, body);
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
  auto connection = connect(peer, peer.key);
  if (connection == nullptr) return false;
  auto& dialed = dialed_[peer.node];
  dialed.connection = std::move(connection);
  dialed.key = peer.key;
  dialed.dialed_at = now;
  dialed.used_at = now;
  return queue(now, dialed, wire::encode(MeshMessage{MeshHello{}}));
}

std::shared_ptr<uplink::Connection> Mesh::connect(const PlanPeer& peer, const PublicKey& key) {
  auto on_message = [this, key](std::span<const std::byte> bytes) { take(key, bytes); };
  auto connection = uplink::Connection::open(environment_, {endpoint_of(peer), key}, own_,
                                             mesh_link_options(), std::move(on_message));
  if (!connection) {
    counters_.dial_failures.add();
    obs::log_warning("mesh", "cannot connect to {}: {}", peer.name, connection.error().context);
    return nullptr;
  }
  counters_.dialed.add();
  return *std::move(connection);
}

bool Mesh::redial(Instant now, const PlanPeer& peer, const PublicKey& key) {
  const auto dialed = dialed_.find(peer.node);
  auto connection = connect(peer, key);
  if (connection == nullptr) {
    hang_up(dialed);
    return false;
  }
  dialed->second.connection->close();
  dialed->second.connection = std::move(connection);
  dialed->second.key = key;
  dialed->second.dialed_at = now;
  return true;
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
  if (listener_ == nullptr && !listen_endpoint_.empty()) {
    // libzmq gives the port back a moment after its socket was closed.
    if (!open_listener(listen_endpoint_)) counters_.listen_retries.add();
  }
  for (auto dialed = dialed_.begin(); dialed != dialed_.end();) {
    const auto current = dialed++;
    auto& connection = current->second;
    flush(now, connection);
    const auto* peer = find_peer(current->first);
    if (!connection.outbox.empty() && peer->second_key &&
        now - connection.dialed_at >= kOtherKeyAfter) {
      counters_.other_key.add();
      const auto& other = connection.key == peer->key ? *peer->second_key : peer->key;
      if (!redial(now, *peer, other)) continue;
    }
    if (now - connection.used_at >= kIdleMax) hang_up(current);
  }
}

void Mesh::hang_up(std::map<NodeId, Dialed>::iterator dialed) {
  dialed->second.connection->close();
  dialed_.erase(dialed);
}

}  // namespace faultline::mesh
