#include "probe/app/state_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/random_values.h"

namespace faultline::probe_app {
namespace {

namespace fs = std::filesystem;

struct Folder {
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "faultline-state-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path path;
};

TEST_CASE("the state directory is made for its owner alone", "[probe_app][state]") {
  const Folder folder;
  REQUIRE(StateDir::open(folder.path / "a" / "state"));
  struct stat info {};
  REQUIRE(::stat((folder.path / "a" / "state").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0700);
}

TEST_CASE("a file in the place of the state directory is one sentence", "[probe_app][state]") {
  const Folder folder;
  std::ofstream(folder.path / "state") << "x";
  const auto state = StateDir::open(folder.path / "state");
  REQUIRE_FALSE(state);
  CHECK(state.error().context.find("is not a directory") != std::string::npos);
}

TEST_CASE("a membership survives a restart", "[probe_app][state]") {
  const Folder folder;
  const auto state = StateDir::open(folder.path / "state");
  REQUIRE(state);
  const auto nothing = state->load_membership();
  REQUIRE(nothing);
  REQUIRE_FALSE(*nothing);
  Rng rng(1);
  const probe_core::Membership membership{
      .node = NodeId{17},
      .name = "1.5",  // YAML must not take it for a number
      .endpoints = {"tcp://10.0.0.1:7400", "tcp://[2001:db8::1]:7400"},
      .controllers = {tests::random_key(rng), tests::random_key(rng)}};
  REQUIRE(state->save_membership(membership));
  const auto loaded = state->load_membership();
  REQUIRE(loaded);
  REQUIRE(*loaded);
  CHECK(**loaded == membership);
}

TEST_CASE("a damaged membership is refused with file and line", "[probe_app][state]") {
  const Folder folder;
  const auto state = StateDir::open(folder.path / "state");
  REQUIRE(state);
  std::ofstream(folder.path / "state" / "membership.yaml") << "node: 1\nname: a\n";
  const auto membership = state->load_membership();
  REQUIRE_FALSE(membership);
  CHECK(membership.error().context.find("membership.yaml") != std::string::npos);
}

TEST_CASE("a plan survives a restart, with the time it was kept", "[probe_app][state]") {
  const Folder folder;
  const auto state = StateDir::open(folder.path / "state");
  REQUIRE(state);
  REQUIRE(state->load_plan());
  REQUIRE_FALSE(*state->load_plan());
  Rng rng(2);
  const auto plan = tests::random_plan(rng);
  REQUIRE(state->save_plan(plan));
  const auto saved = state->load_plan();
  REQUIRE(saved);
  REQUIRE(*saved);
  CHECK((**saved).plan == plan);
  CHECK((**saved).saved_at > wall_time_from_unix_seconds(1'600'000'000));
}

TEST_CASE("a damaged plan is an error and not a plan", "[probe_app][state]") {
  const Folder folder;
  const auto state = StateDir::open(folder.path / "state");
  REQUIRE(state);
  std::ofstream(folder.path / "state" / "plan.capnp") << "12345678";
  CHECK_FALSE(state->load_plan());
}

TEST_CASE("the node's key is made once", "[probe_app][state]") {
  const Folder folder;
  const auto state = StateDir::open(folder.path / "state");
  REQUIRE(state);
  const auto first = state->node_key();
  REQUIRE(first);
  CHECK(state->node_key() == first);
}

TEST_CASE("the next key is made once and takes the node key's place", "[probe_app][state]") {
  const Folder folder;
  const auto state = StateDir::open(folder.path / "state");
  REQUIRE(state);
  const auto own = state->node_key();
  REQUIRE(own);
  CHECK(state->load_next_key().value() == std::nullopt);
  CHECK(state->adopt_next_key());  // there is none: nothing happens
  CHECK(state->node_key() == own);

  const auto next = state->make_next_key();
  REQUIRE(next);
  CHECK(state->make_next_key() == next);
  CHECK(state->load_next_key().value() == *next);
  CHECK(state->node_key() == own);
  REQUIRE(state->adopt_next_key());
  CHECK(state->node_key() == next);
  CHECK(state->load_next_key().value() == std::nullopt);
}

}  // namespace
}  // namespace faultline::probe_app
