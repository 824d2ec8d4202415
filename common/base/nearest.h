// The name that somebody probably meant. Why it exists: a typing error is found at once where the
// answer names what is there.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace faultline {

// Letters to insert, remove or change to turn one into the other (Levenshtein).
[[nodiscard]] std::size_t edit_distance(std::string_view from, std::string_view to);

// "; did you mean window?" where one of `known` is near (half of it may be wrong), else empty.
// Cost: the bytes of all of `known` times those of `name`; names of more than 64 bytes are near
// nothing.
[[nodiscard]] std::string did_you_mean(std::string_view name,
                                       const std::set<std::string, std::less<>>& known);

}  // namespace faultline
