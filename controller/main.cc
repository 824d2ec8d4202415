// faultline-controller.
#include <csignal>

#include "controller/admin/program.h"

int main(int argc, char** argv) {
  std::signal(SIGCHLD, SIG_DFL);  // who ignores it leaves that to us, and exit codes would be lost
  return faultline::admin::run(argc, argv);
}
