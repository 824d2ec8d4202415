// What the API's server counts, with the value that means trouble (controller/app/metrics.cc shows
// all of it). May be read on any thread.
#pragma once

#include "common/obs/metrics.h"

namespace faultline::api {

struct HttpServerCounters {
  obs::Counter connections;
  obs::Counter connections_waited;   // trouble when it grows: kConnectionsMax is reached
  obs::Counter connections_refused;  // one address held kConnectionsPerAddressMax already
  obs::Counter requests;
  obs::Counter refused;              // answered with 4xx
  obs::Counter failed;               // answered with 5xx
  obs::Counter overloaded;           // of those, for want of a place in a queue
  obs::Counter malformed;            // not HTTP, or over a size limit
  obs::Counter timeouts;             // peers too slow to send or to read
  obs::Counter unauthenticated;      // without a valid token; growing: somebody tries tokens
  obs::Counter forbidden;            // with too little role
  obs::Counter denials_unrecorded;   // denials that the audit log had no room for
  obs::Counter changes_unrecorded;   // of the fleet's own; trouble above zero: the disk hangs
  obs::Counter handshakes_failed;    // not TLS, too old, or too slow
  obs::Counter tls_reloads;          // of the certificate
  obs::Counter tls_reload_failures;  // trouble above zero: the old certificate is in use
  obs::Gauge tls_expires;            // of the certificate in use, Unix seconds; 0: no TLS
};

}  // namespace faultline::api
