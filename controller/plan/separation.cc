#include "controller/plan/separation.h"

#include <algorithm>

namespace faultline::plan {

Separation::Separation(std::uint32_t links) : class_of_(links, 0), size_{links} {}

// Insertion sort: a flow has a dozen links.
void Separation::sort_cells(std::span<const Crossing> flow) {
  cells_.clear();
  for (const auto& crossing : flow) {
    const Cell cell{class_of_[crossing.link], crossing.rows, crossing.link};
    auto at = cells_.size();
    cells_.push_back(cell);
    for (; at > 0; --at) {
      const auto& before = cells_[at - 1];
      if (before.id < cell.id || (before.id == cell.id && before.rows <= cell.rows)) break;
      cells_[at] = before;
    }
    cells_[at] = cell;
  }
}

std::uint32_t Separation::gain(std::span<const Crossing> flow) {
  sort_cells(flow);
  std::uint32_t gained = 0;
  for (std::size_t i = 0; i < cells_.size();) {
    const auto id = cells_[i].id;
    const auto begin = i;
    std::uint32_t parts = 0;
    for (; i < cells_.size() && cells_[i].id == id; ++i) {
      parts += i == begin || cells_[i].rows != cells_[i - 1].rows ? 1 : 0;
    }
    const auto crossed = static_cast<std::uint32_t>(i - begin);
    if (id == 0) {
      gained += crossed + parts;
    } else {
      gained += parts - (crossed == size_[id] ? 1 : 0);
    }
  }
  return gained;
}

std::uint32_t Separation::gain_most(std::span<const Crossing> flow) const {
  std::uint32_t most = 0;
  for (const auto& crossing : flow) {
    const auto id = class_of_[crossing.link];
    most += id == 0 ? 2 : (size_[id] > 1 ? 1 : 0);
  }
  return most;
}

void Separation::add(std::span<const Crossing> flow) {
  sort_cells(flow);
  for (std::size_t i = 0; i < cells_.size();) {
    const auto id = cells_[i].id;
    auto end = i;
    while (end < cells_.size() && cells_[end].id == id) ++end;
    if (id == 0) covered_ += static_cast<std::uint32_t>(end - i);
    bool keeps_id = id != 0 && end - i == size_[id];  // all are crossed: the first part stays
    while (i < end) {
      const auto begin = i;
      while (i < end && cells_[i].rows == cells_[begin].rows) ++i;
      if (keeps_id) {
        keeps_id = false;
        continue;
      }
      const auto part = static_cast<std::uint32_t>(i - begin);
      size_[id] -= part;
      const auto fresh = static_cast<std::uint32_t>(size_.size());
      size_.push_back(part);
      for (auto at = begin; at < i; ++at) class_of_[cells_[at].link] = fresh;
    }
  }
}

}  // namespace faultline::plan
