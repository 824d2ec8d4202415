// What the process does to keep little memory; not what its parts hold.
//
// Thread safety: any thread.
#pragma once

namespace faultline::probe_app {

// How the process allocates: few heaps, and what is large and soon over (a report, its message, a
// plan) is given back to the system at once. Call it before the first thread is started.
void keep_heaps_small();

// Gives back the pages of the program and its libraries: most of them only the start needed (to
// load and link some thirty libraries, to read the configuration), and the kernel maps sixteen
// pages where one is asked for. They are clean copies of files: what is still needed comes back
// from the page cache, a microsecond for each piece. So this is worth it where a phase of the
// program is over, not again and again. Breakpoints and uprobes that were set before are lost.
void release_program_pages();

}  // namespace faultline::probe_app
