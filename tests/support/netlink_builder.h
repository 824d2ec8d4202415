// Builds netlink messages as the kernel sends them, for tests of their parsers.
#pragma once

#include <arpa/inet.h>
#include <libmnl/libmnl.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "probe/facts/attributes.h"

namespace faultline::tests {

// One message; text(), u32(), ... add attributes, begin() and end() a nest.
class NetlinkBuilder {
 public:
  template <typename Header>
  NetlinkBuilder(std::uint16_t type, const Header& header) : buffer_(4096 / sizeof(std::uint64_t)) {
    message_ = mnl_nlmsg_put_header(buffer_.data());
    message_->nlmsg_type = type;
    std::memcpy(mnl_nlmsg_put_extra_header(message_, sizeof header), &header, sizeof header);
  }
  NetlinkBuilder(const NetlinkBuilder&) = delete;
  NetlinkBuilder& operator=(const NetlinkBuilder&) = delete;

  NetlinkBuilder& text(std::uint16_t type, const char* value) {
    mnl_attr_put_strz(message_, type, value);
    return *this;
  }
  NetlinkBuilder& u8(std::uint16_t type, std::uint8_t value) { return raw(type, value); }
  NetlinkBuilder& u16(std::uint16_t type, std::uint16_t value) { return raw(type, value); }
  NetlinkBuilder& u32(std::uint16_t type, std::uint32_t value) { return raw(type, value); }
  NetlinkBuilder& address(std::uint16_t type, const char* value) {
    in6_addr v6{};
    if (::inet_pton(AF_INET6, value, &v6) == 1) return raw(type, v6);
    in_addr v4{};
    ::inet_pton(AF_INET, value, &v4);
    return raw(type, v4);
  }
  NetlinkBuilder& mac(std::uint16_t type, std::initializer_list<std::uint8_t> bytes) {
    mnl_attr_put(message_, type, bytes.size(), bytes.begin());
    return *this;
  }
  template <typename Value>
  NetlinkBuilder& raw(std::uint16_t type, const Value& value) {
    mnl_attr_put(message_, type, sizeof value, &value);
    return *this;
  }
  NetlinkBuilder& begin(std::uint16_t type) {
    nests_.push_back(mnl_attr_nest_start(message_, type));
    return *this;
  }
  NetlinkBuilder& end() {
    mnl_attr_nest_end(message_, nests_.back());
    nests_.pop_back();
    return *this;
  }

  // Valid as long as this is.
  [[nodiscard]] probe_facts::Bytes bytes() const {
    return std::as_bytes(std::span(reinterpret_cast<const char*>(message_), message_->nlmsg_len));
  }

 private:
  std::vector<std::uint64_t> buffer_;
  nlmsghdr* message_ = nullptr;
  std::vector<nlattr*> nests_;
};

}  // namespace faultline::tests
