#include "controller/store/merge_operators.h"

#include "controller/store/rollup.h"

namespace faultline::store {
namespace {

class AppendParts : public rocksdb::AssociativeMergeOperator {
 public:
  bool Merge(const rocksdb::Slice& /*key*/, const rocksdb::Slice* existing,
             const rocksdb::Slice& added, std::string* merged,
             rocksdb::Logger* /*logger*/) const override {
    if (existing != nullptr) merged->assign(existing->data(), existing->size());
    merged->append(added.data(), added.size());
    return true;
  }
  // Stored in the database's options: it may never change.
  const char* Name() const override { return "faultline.append_parts"; }
};

class SumRollups : public AppendParts {
 public:
  bool Merge(const rocksdb::Slice& key, const rocksdb::Slice* existing, const rocksdb::Slice& added,
             std::string* merged, rocksdb::Logger* logger) const override {
    RollupSteps steps;
    if (existing != nullptr && add_rollups(existing->ToStringView(), steps) &&
        add_rollups(added.ToStringView(), steps)) {
      *merged = encode_rollups(steps);
      return true;
    }
    return AppendParts::Merge(key, existing, added, merged, logger);
  }
  const char* Name() const override { return "faultline.sum_rollups"; }
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> append_parts() { return std::make_shared<AppendParts>(); }
std::shared_ptr<rocksdb::MergeOperator> sum_rollups() { return std::make_shared<SumRollups>(); }

}  // namespace faultline::store
