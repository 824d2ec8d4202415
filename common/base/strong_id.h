// StrongId: an integer that cannot be mistaken for another kind of integer.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace faultline {

template <typename Tag, typename Representation>
class StrongId {
 public:
  using representation = Representation;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Representation value) : value_(value) {}

  [[nodiscard]] constexpr Representation value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  Representation value_{};
};

}  // namespace faultline

template <typename Tag, typename Representation>
struct std::hash<faultline::StrongId<Tag, Representation>> {
  std::size_t operator()(faultline::StrongId<Tag, Representation> id) const noexcept {
    return std::hash<Representation>{}(id.value());
  }
};
