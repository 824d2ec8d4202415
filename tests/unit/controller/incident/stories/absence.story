# Nodes that are off because somebody wants it, and probers that are overloaded.

story: a node that restarts is no fault; one that does not come back well is
off:h1 h1!down x4        =>
! held h1 by restart
h1!down                  =>
h1!down                  => opened h1

story: the cable of a node that restarts is no fault either
off:h1 h1=leaf1!down x4  =>
- x4                     =>

story: a node that was removed is no fault any more
h1!down                  =>
h1!down                  => opened h1
gone:h1 -                => resolved h1
gone:h1 h1!down x4       =>

story: a pending one of a node that was removed comes to nothing
h1!down                  =>
gone:h1 -                =>
! state h1 none

story: an overloaded prober for one window tells nobody
h7!sick_host             =>
- x5                     =>

story: a prober that stays overloaded is one incident, and its own
h7!sick_host             =>
h7!sick_host             => opened h7
h7!sick_host x10         =>
- x2                     =>
-                        => resolved h7

story: while a prober is overloaded, what it alone could measure is not healed
a>b                      =>
a>b                      => opened a>b
h7!sick_host unmeasured:a>b =>
h7!sick_host unmeasured:a>b => opened h7
h7!sick_host unmeasured:a>b x6 =>
a>b                      =>
a>b                      =>
a>b                      => resolved h7
