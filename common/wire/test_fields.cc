#include "common/wire/test_fields.h"

#include <algorithm>

#include "common/wire/fields.h"

namespace faultline::wire {
namespace {

kj::ArrayPtr<const kj::byte> to_data(const std::string& text) {
  return {reinterpret_cast<const kj::byte*>(text.data()), text.size()};
}

std::string from_data(capnp::Data::Reader data) {
  return {reinterpret_cast<const char*>(data.begin()), data.size()};
}

}  // namespace

void write_test(schema::TestRequest::Builder builder, const TestRequest& request) {
  builder.setTest(request.test);
  builder.setLeaseNs(to_wire(request.lease));
  builder.setOrder(to_data(request.order));
}

Result<TestRequest> read_test(schema::TestRequest::Reader reader) {
  TestRequest request{.test = reader.getTest()};
  FAULTLINE_TRY_STATUS(check_nonzero("test", request.test));
  FAULTLINE_TRY(request.lease,
                read_duration("lease", reader.getLeaseNs(), kTestLeaseMin, kTestLeaseMax));
  FAULTLINE_TRY_STATUS(check_nonzero("order bytes", reader.getOrder().size()));
  FAULTLINE_TRY_STATUS(check_count("order bytes", reader.getOrder().size(), kTestOrderBytesMax));
  request.order = from_data(reader.getOrder());
  return request;
}

void write_test(schema::TestProgress::Builder builder, const TestProgress& progress) {
  builder.setTest(progress.test);
  builder.setState(static_cast<std::uint8_t>(progress.state));
  builder.setText(printable(progress.text));
  builder.setReport(to_data(progress.report));
}

Result<TestProgress> read_test(schema::TestProgress::Reader reader) {
  constexpr auto kStateMax = static_cast<std::uint8_t>(TestState::kRefused);
  TestProgress progress{.test = reader.getTest()};
  FAULTLINE_TRY_STATUS(check_nonzero("test", progress.test));
  progress.state = static_cast<TestState>(std::min(reader.getState(), kStateMax));
  FAULTLINE_TRY(progress.text, read_text("text", reader.getText()));
  FAULTLINE_TRY_STATUS(check_count("report bytes", reader.getReport().size(), kTestReportBytesMax));
  progress.report = from_data(reader.getReport());
  if (progress.report.empty() == (progress.state == TestState::kDone)) {
    return fail(ErrorCode::kInvalid, "a report comes with a test that is done, and only then");
  }
  return progress;
}

}  // namespace faultline::wire
