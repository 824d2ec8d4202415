// For the AWS importer's sources only: reading members of an answer, with mistakes told by place.
//
// Readers are straight lines: the first mistake is kept and the caller looks at it in the end.
// A member that is absent or null reads as empty; one of another type is a mistake. Members that
// nobody asks for are ignored. Sentences look like:
//   subnets.json: Subnets[3].CidrBlock: "10.0.0/24" is not a prefix such as 10.0.0.0/16
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/vpc/importer.h"

namespace faultline::vpc::aws {

using Json = nlohmann::json;

struct Reading {
  std::string file;
  Draft& draft;
  std::string owner{};  // of an answer that does not say whose it is; empty: not known yet
  std::optional<Error> mistake{};

  void error(std::string_view place, std::string_view what);
  void skip(const std::string& reason) { ++draft.import.report.skipped[reason]; }
  // Adds the element once. The same again is counted; another with its id is noted and dropped.
  template <typename T>
  void add(ById<T>& table, const std::string& id, T value) {
    const auto [position, added] = table.try_emplace(id, std::move(value));
    if (added) return;
    ++draft.import.report.repeated;
    if (position->second == value) return;
    draft.note(
        fmt::format("{} is described twice and differently; the snapshot may mix two moments", id));
  }
  [[nodiscard]] Model& model() const { return draft.import.model; }
};

// An object of the answer. Refers to the answer and the reading.
class Item {
 public:
  Item(const Json& object, std::string place, Reading& reading);

  [[nodiscard]] bool has(const char* key) const;
  [[nodiscard]] std::string text(const char* key) const;
  [[nodiscard]] std::string id(const char* key) const;  // must be there and not empty
  [[nodiscard]] bool flag(const char* key, bool fallback) const;
  [[nodiscard]] std::optional<int> number(const char* key) const;
  [[nodiscard]] std::optional<Prefix> prefix(const char* key) const;
  [[nodiscard]] std::optional<IpAddress> address(const char* key) const;
  [[nodiscard]] std::vector<std::string> texts(const char* key) const;
  [[nodiscard]] Item child(const char* key) const;  // an empty object if there is none
  [[nodiscard]] std::vector<Item> items(const char* key) const;
  // The value of the tag "Name"; empty without one.
  [[nodiscard]] std::string name(const char* tags = "Tags") const;
  [[nodiscard]] Reading& reading() const { return *reading_; }
  void error(const char* key, std::string_view what) const;

 private:
  [[nodiscard]] const Json* member(const char* key) const;
  const Json* object_;
  std::string place_;
  Reading* reading_;
};

// One top-level key and what reads each element of its list.
struct Kind {
  const char* key;
  const char* what;  // "subnets"; what the report calls them
  void (*read)(const Item& item);
  // For answers that do not say whose they are: the member that may be added, and how ids begin.
  const char* owner_key = nullptr;
  const char* owner_prefix = nullptr;
};

[[nodiscard]] std::vector<Kind> network_kinds();    // aws_networks.cc
[[nodiscard]] std::vector<Kind> interface_kinds();  // aws_interfaces.cc
[[nodiscard]] std::vector<Kind> filter_kinds();     // aws_filters.cc
[[nodiscard]] std::vector<Kind> route_kinds();      // aws_routes.cc
[[nodiscard]] std::vector<Kind> gateway_kinds();    // aws_gateways.cc
[[nodiscard]] std::vector<Kind> transit_kinds();    // aws_transit.cc

}  // namespace faultline::vpc::aws
