// The only include of Boost.Asio (1.81, header only): coroutines, timers and descriptors.
//
// A loop is an asio::io_context that one thread runs. `asio::redirect_error(asio::use_awaitable,
// ec)` turns an operation's error into a value; without it the error is thrown as
// boost::system::system_error.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace faultline::async {

namespace asio = boost::asio;
using boost::asio::awaitable;
using boost::asio::use_awaitable;
using boost::system::error_code;

}  // namespace faultline::async
