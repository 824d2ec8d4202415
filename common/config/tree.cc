#include "common/config/tree.h"

#include <unordered_set>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace faultline::config {
namespace {

int line_of(const YAML::Mark& mark) { return mark.line + 1; }

class Builder {
 public:
  explicit Builder(std::string_view name) : name_(name) {}

  [[nodiscard]] Result<Node> build(const YAML::Node& source, std::size_t depth) {
    Node node{.line = line_of(source.Mark()), .scalar = {}, .items = {}, .entries = {}};
    if (++count_ > kNodesMax) return refuse(node.line, "the document has too many values");
    if (depth > kDepthMax) return refuse(node.line, "the document is nested too deeply");
    switch (source.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return node;
      case YAML::NodeType::Scalar:
        node.kind = NodeKind::kScalar;
        node.scalar = source.Scalar();
        return node;
      case YAML::NodeType::Sequence:
        return fill_list(source, std::move(node), depth);
      case YAML::NodeType::Map:
        return fill_map(source, std::move(node), depth);
    }
    return node;
  }

 private:
  [[nodiscard]] tl::unexpected<Error> refuse(int line, std::string_view why) const {
    return fail(ErrorCode::kInvalid, fmt::format("{}:{}: {}", name_, line, why));
  }

  [[nodiscard]] Result<Node> fill_list(const YAML::Node& source, Node node, std::size_t depth) {
    node.kind = NodeKind::kList;
    for (const auto& item : source) {
      FAULTLINE_TRY(auto built, build(item, depth + 1));
      node.items.push_back(std::move(built));
    }
    return node;
  }

  [[nodiscard]] Result<Node> fill_map(const YAML::Node& source, Node node, std::size_t depth) {
    node.kind = NodeKind::kMap;
    std::unordered_set<std::string> keys;  // yaml-cpp accepts a key twice
    for (const auto& entry : source) {
      const int line = line_of(entry.first.Mark());
      if (!entry.first.IsScalar()) return refuse(line, "a key must be a plain word");
      std::string key = entry.first.Scalar();
      if (!keys.insert(key).second) {
        return refuse(line, fmt::format("{} is given twice", key));
      }
      FAULTLINE_TRY(auto built, build(entry.second, depth + 1));
      built.line = line;  // of the key: where a reader of the message looks
      node.entries.emplace_back(std::move(key), std::move(built));
    }
    return node;
  }

  std::string_view name_;
  std::size_t count_ = 0;
};

}  // namespace

Result<Node> parse_tree(std::string_view text, std::string_view name) {
  try {
    const auto documents = YAML::LoadAll(std::string{text});
    if (documents.empty()) return Node{};
    if (documents.size() > 1) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("{}:{}: a second document begins here; only one is read", name,
                              line_of(documents[1].Mark())));
    }
    return Builder{name}.build(documents.front(), 0);
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}:{}: not YAML: {}", name, line_of(error.mark), error.msg));
  }
}

}  // namespace faultline::config
