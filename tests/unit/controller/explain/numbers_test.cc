// The numbers of the data files against those of the system's headers and of the RFCs.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <linux/neighbour.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <openssl/x509_vfy.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <string>

#include <fmt/format.h>

#include "tests/support/catch.h"
#include "tests/unit/controller/explain/shipped.h"

namespace faultline::explain {
namespace {

using Names = std::map<std::string, std::string>;  // by number

Names texts_of(const std::string& family, std::string Code::*text) {
  Names names;
  for (const auto& code : shipped_catalogue().codes) {
    if (code.family == family) names.emplace(code.number, code.*text);
  }
  return names;
}

Names names_of(const std::string& family) { return texts_of(family, &Code::name); }

// The value of a constant, and its name.
#define NUMBER(name) \
  { std::to_string(name), #name }

std::string type_code(int type, int code) { return fmt::format("{}/{}", type, code); }

}  // namespace

TEST_CASE("errno numbers and texts are this system's", "[explain]") {
  const Names expected{
      NUMBER(EPERM),        NUMBER(ENOENT),       NUMBER(EINTR),        NUMBER(EAGAIN),
      NUMBER(ENOMEM),       NUMBER(EACCES),       NUMBER(ENODEV),       NUMBER(EINVAL),
      NUMBER(ENFILE),       NUMBER(EMFILE),       NUMBER(EPIPE),        NUMBER(EPROTO),
      NUMBER(ENOTSOCK),     NUMBER(EMSGSIZE),     NUMBER(ENOPROTOOPT),  NUMBER(EPROTONOSUPPORT),
      NUMBER(EOPNOTSUPP),   NUMBER(EAFNOSUPPORT), NUMBER(EADDRINUSE),   NUMBER(EADDRNOTAVAIL),
      NUMBER(ENETDOWN),     NUMBER(ENETUNREACH),  NUMBER(ENETRESET),    NUMBER(ECONNABORTED),
      NUMBER(ECONNRESET),   NUMBER(ENOBUFS),      NUMBER(EISCONN),      NUMBER(ENOTCONN),
      NUMBER(ESHUTDOWN),    NUMBER(ETIMEDOUT),    NUMBER(ECONNREFUSED), NUMBER(EHOSTDOWN),
      NUMBER(EHOSTUNREACH), NUMBER(EALREADY),     NUMBER(EINPROGRESS),  NUMBER(EREMOTEIO),
      NUMBER(ERFKILL)};
  CHECK(names_of("errno") == expected);
  for (const auto& [number, summary] : texts_of("errno", &Code::summary)) {
    CHECK(summary == std::strerror(std::stoi(number)));
  }
}

TEST_CASE("resolver numbers are those of netdb.h", "[explain]") {
  const Names expected{NUMBER(EAI_BADFLAGS),   NUMBER(EAI_NONAME),  NUMBER(EAI_AGAIN),
                       NUMBER(EAI_FAIL),       NUMBER(EAI_NODATA),  NUMBER(EAI_FAMILY),
                       NUMBER(EAI_SOCKTYPE),   NUMBER(EAI_SERVICE), NUMBER(EAI_MEMORY),
                       NUMBER(EAI_ADDRFAMILY), NUMBER(EAI_SYSTEM),  NUMBER(EAI_OVERFLOW)};
  CHECK(names_of("eai") == expected);
  for (const auto& [number, summary] : texts_of("eai", &Code::summary)) {
    if (number != std::to_string(EAI_OVERFLOW)) CHECK(summary == gai_strerror(std::stoi(number)));
  }
}

TEST_CASE("ICMP types and codes are those of RFC 792, 1122 and 1812", "[explain]") {
  const auto unreachable = [](int code) { return type_code(ICMP_DEST_UNREACH, code); };
  const auto redirect = [](int code) { return type_code(ICMP_REDIRECT, code); };
  const Names expected{
      {type_code(ICMP_ECHOREPLY, 0), "Echo reply"},
      {unreachable(ICMP_NET_UNREACH), "Network unreachable"},
      {unreachable(ICMP_HOST_UNREACH), "Host unreachable"},
      {unreachable(ICMP_PROT_UNREACH), "Protocol unreachable"},
      {unreachable(ICMP_PORT_UNREACH), "Port unreachable"},
      {unreachable(ICMP_FRAG_NEEDED), "Fragmentation needed"},
      {unreachable(ICMP_SR_FAILED), "Source route failed"},
      {unreachable(ICMP_NET_UNKNOWN), "Destination network unknown"},
      {unreachable(ICMP_HOST_UNKNOWN), "Destination host unknown"},
      {unreachable(ICMP_HOST_ISOLATED), "Source host isolated"},
      {unreachable(ICMP_NET_ANO), "Network administratively prohibited"},
      {unreachable(ICMP_HOST_ANO), "Host administratively prohibited"},
      {unreachable(ICMP_NET_UNR_TOS), "Network unreachable for type of service"},
      {unreachable(ICMP_HOST_UNR_TOS), "Host unreachable for type of service"},
      {unreachable(ICMP_PKT_FILTERED), "Communication administratively prohibited"},
      {unreachable(ICMP_PREC_VIOLATION), "Host precedence violation"},
      {unreachable(ICMP_PREC_CUTOFF), "Precedence cutoff in effect"},
      {type_code(ICMP_SOURCE_QUENCH, 0), "Source quench"},
      {redirect(ICMP_REDIR_NET), "Redirect for the network"},
      {redirect(ICMP_REDIR_HOST), "Redirect for the host"},
      {redirect(ICMP_REDIR_NETTOS), "Redirect for the type of service and network"},
      {redirect(ICMP_REDIR_HOSTTOS), "Redirect for the type of service and host"},
      {type_code(ICMP_ECHO, 0), "Echo request"},
      {type_code(ICMP_ROUTERADVERT, 0), "Router advertisement"},
      {type_code(ICMP_ROUTERSOLICIT, 0), "Router solicitation"},
      {type_code(ICMP_TIME_EXCEEDED, ICMP_EXC_TTL), "TTL exceeded in transit"},
      {type_code(ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME), "Fragment reassembly time exceeded"},
      {type_code(ICMP_PARAMETERPROB, 0), "Parameter problem"},
      {type_code(ICMP_PARAMETERPROB, 1), "Required option missing"},
      {type_code(ICMP_TIMESTAMP, 0), "Timestamp request"},
      {type_code(ICMP_TIMESTAMPREPLY, 0), "Timestamp reply"},
      {type_code(ICMP_INFO_REQUEST, 0), "Information request"},
      {type_code(ICMP_INFO_REPLY, 0), "Information reply"}};
  CHECK(names_of("icmp") == expected);
}

TEST_CASE("ICMPv6 types and codes are those of RFC 4443, 2710, 4861 and 3810", "[explain]") {
  const auto unreachable = [](int code) { return type_code(ICMP6_DST_UNREACH, code); };
  const Names expected{
      {unreachable(ICMP6_DST_UNREACH_NOROUTE), "No route to destination"},
      {unreachable(ICMP6_DST_UNREACH_ADMIN), "Communication administratively prohibited"},
      {unreachable(ICMP6_DST_UNREACH_BEYONDSCOPE), "Beyond scope of source address"},
      {unreachable(ICMP6_DST_UNREACH_ADDR), "Address unreachable"},
      {unreachable(ICMP6_DST_UNREACH_NOPORT), "Port unreachable"},
      {"1/5", "Source address failed ingress/egress policy"},  // RFC 4443, section 3.1
      {"1/6", "Reject route to destination"},                  // RFC 4443, section 3.1
      {"1/7", "Error in source routing header"},               // RFC 6550, section 20.18
      {type_code(ICMP6_PACKET_TOO_BIG, 0), "Packet too big"},
      {type_code(ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT), "Hop limit exceeded in transit"},
      {type_code(ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_REASSEMBLY),
       "Fragment reassembly time exceeded"},
      {type_code(ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER), "Erroneous header field"},
      {type_code(ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER), "Unrecognized next header"},
      {type_code(ICMP6_PARAM_PROB, ICMP6_PARAMPROB_OPTION), "Unrecognized IPv6 option"},
      {"4/3", "First fragment has incomplete header chain"},  // RFC 7112, section 8
      {type_code(ICMP6_ECHO_REQUEST, 0), "Echo request"},
      {type_code(ICMP6_ECHO_REPLY, 0), "Echo reply"},
      {type_code(MLD_LISTENER_QUERY, 0), "Multicast listener query"},
      {type_code(MLD_LISTENER_REPORT, 0), "Multicast listener report"},
      {type_code(MLD_LISTENER_REDUCTION, 0), "Multicast listener done"},
      {type_code(ND_ROUTER_SOLICIT, 0), "Router solicitation"},
      {type_code(ND_ROUTER_ADVERT, 0), "Router advertisement"},
      {type_code(ND_NEIGHBOR_SOLICIT, 0), "Neighbor solicitation"},
      {type_code(ND_NEIGHBOR_ADVERT, 0), "Neighbor advertisement"},
      {type_code(ND_REDIRECT, 0), "Redirect"},
      {"143/0", "Multicast listener report version 2"}};  // RFC 3810, section 5.2
  CHECK(names_of("icmpv6") == expected);
}

TEST_CASE("TCP states and neighbour states are the kernel's", "[explain]") {
  const auto of = [](int number) { return std::to_string(number); };
  const Names states{{of(TCP_ESTABLISHED), "ESTAB"},    {of(TCP_SYN_SENT), "SYN-SENT"},
                     {of(TCP_SYN_RECV), "SYN-RECV"},    {of(TCP_FIN_WAIT1), "FIN-WAIT-1"},
                     {of(TCP_FIN_WAIT2), "FIN-WAIT-2"}, {of(TCP_TIME_WAIT), "TIME-WAIT"},
                     {of(TCP_CLOSE), "TCP CLOSE"},      {of(TCP_CLOSE_WAIT), "CLOSE-WAIT"},
                     {of(TCP_LAST_ACK), "LAST-ACK"},    {of(TCP_LISTEN), "TCP LISTEN"},
                     {of(TCP_CLOSING), "TCP CLOSING"}};
  CHECK(names_of("tcp") == states);
  const auto bit = [](int number, const char* name) {
    return Names::value_type{std::to_string(number), name};
  };
  const Names neighbours{
      bit(NUD_INCOMPLETE, "NUD_INCOMPLETE"), bit(NUD_REACHABLE, "NUD_REACHABLE"),
      bit(NUD_STALE, "NUD_STALE"),           bit(NUD_DELAY, "NUD_DELAY"),
      bit(NUD_PROBE, "NUD_PROBE"),           bit(NUD_FAILED, "NUD_FAILED"),
      bit(NUD_NOARP, "NUD_NOARP"),           bit(NUD_PERMANENT, "NUD_PERMANENT")};
  CHECK(names_of("neighbour") == neighbours);
}

TEST_CASE("curl's and OpenSSL's numbers are those of their headers", "[explain]") {
  const Names curl{NUMBER(CURLE_UNSUPPORTED_PROTOCOL),
                   NUMBER(CURLE_URL_MALFORMAT),
                   NUMBER(CURLE_COULDNT_RESOLVE_PROXY),
                   NUMBER(CURLE_COULDNT_RESOLVE_HOST),
                   NUMBER(CURLE_COULDNT_CONNECT),
                   NUMBER(CURLE_HTTP2),
                   NUMBER(CURLE_PARTIAL_FILE),
                   NUMBER(CURLE_HTTP_RETURNED_ERROR),
                   NUMBER(CURLE_OPERATION_TIMEDOUT),
                   NUMBER(CURLE_SSL_CONNECT_ERROR),
                   NUMBER(CURLE_INTERFACE_FAILED),
                   NUMBER(CURLE_TOO_MANY_REDIRECTS),
                   NUMBER(CURLE_GOT_NOTHING),
                   NUMBER(CURLE_SEND_ERROR),
                   NUMBER(CURLE_RECV_ERROR),
                   NUMBER(CURLE_SSL_CERTPROBLEM),
                   NUMBER(CURLE_PEER_FAILED_VERIFICATION),
                   NUMBER(CURLE_SSL_CACERT_BADFILE),
                   NUMBER(CURLE_HTTP2_STREAM),
                   NUMBER(CURLE_PROXY)};
  CHECK(names_of("curl") == curl);
  const Names x509{NUMBER(X509_V_ERR_CERT_NOT_YET_VALID),
                   NUMBER(X509_V_ERR_CERT_HAS_EXPIRED),
                   NUMBER(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT),
                   NUMBER(X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN),
                   NUMBER(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY),
                   NUMBER(X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE),
                   NUMBER(X509_V_ERR_CERT_REVOKED),
                   NUMBER(X509_V_ERR_HOSTNAME_MISMATCH),
                   NUMBER(X509_V_ERR_IP_ADDRESS_MISMATCH)};
  CHECK(names_of("x509") == x509);
}

TEST_CASE("an HRESULT of Windows Sockets is its number with the facility before it", "[explain]") {
  for (const auto& code : shipped_catalogue().codes) {
    if (code.family != "winsock") continue;
    CAPTURE(code.name);
    REQUIRE_FALSE(code.aliases.empty());
    CHECK(code.aliases.front() == fmt::format("0x{:X}", 0x80070000U + std::stoul(code.number)));
  }
}

}  // namespace faultline::explain
