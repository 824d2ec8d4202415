// Template: an operator's own words for an alert: "${severity}: ${summary}".
//
// Why it exists: every team has a title or a body that its tools expect. ${name} stands for a value
// of the alert (kTemplateNames), $$ for a dollar sign; everything else is taken as it is, so that a
// JSON body needs no escapes of its own. Nothing is computed: no conditions, no loops.
//
// Thread safety: pure values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "controller/notify/alert.h"

namespace faultline::notify {

inline constexpr std::size_t kTemplateBytesMax = 16U << 10;

enum class Escape : std::uint8_t {
  kNone,
  kJson,  // values stand within a JSON string
};

class Template {
 public:
  // kInvalid, with the names that there are, for a name that is not one of them.
  [[nodiscard]] static Result<Template> parse(std::string_view text);

  [[nodiscard]] std::string render(const Alert& alert, Escape escape) const;

  bool operator==(const Template&) const = default;

 private:
  struct Piece {
    std::string text;
    bool is_name = false;

    bool operator==(const Piece&) const = default;
  };
  std::vector<Piece> pieces_;
};

}  // namespace faultline::notify
