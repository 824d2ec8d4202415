# What hangs on a dead component says nothing of itself.

story: whole rack down: its hosts first, then the switch that explains them
h1!down^leaf1            =>
h1!down^leaf1 h2!down^leaf1 h3!down^leaf1 => opened h1
h1!down^leaf1 h2!down^leaf1 h3!down^leaf1 => opened h2, opened h3
leaf1!down               =>
leaf1!down               => updated leaf1, resolved h2, resolved h3
leaf1!down x3            =>
- x2                     =>
-                        => resolved leaf1

story: whole rack down: switch and hosts in the same moment are one page
leaf1!down h1!down^leaf1 h2!down^leaf1 =>
leaf1!down h1!down^leaf1 h2!down^leaf1 => opened leaf1
leaf1!down h1!down^leaf1 h2!down^leaf1 =>
! held h1 by i
leaf1!down x4            =>
- x2                     =>
-                        => resolved leaf1

story: a host that is still down when its switch is back opens then
leaf1!down h1!down^leaf1 =>
leaf1!down h1!down^leaf1 => opened leaf1
h1!down^leaf1            =>
h1!down^leaf1            => opened h1
h1!down^leaf1            => resolved leaf1

story: whole rack down: the localizer that falls back to the hosts opens no second page
leaf1!down               =>
leaf1!down               => opened leaf1
h1!down^leaf1 h2!down^leaf1 =>
leaf1!down               =>
leaf1!down               =>

story: a host's own fault is not over because nobody can reach the host
h1@0.02^leaf1            =>
h1@0.02^leaf1            => opened h1
leaf1!down               =>
leaf1!down               => opened leaf1
leaf1!down x6            =>
- x2                     =>
-                        => resolved h1, resolved leaf1

story: a switch that loses a little explains no dead host
leaf1@0.02 h1!down^leaf1 =>
leaf1@0.02 h1!down^leaf1 => opened leaf1, opened h1

story: a sick host is sick whatever its switch does
leaf1!down h1!sick_host^leaf1 =>
leaf1!down h1!sick_host^leaf1 => opened leaf1, opened h1

story: the VMs of a dead hypervisor are no faults of their own
h1!down v1!down^h1^leaf1 v2!down^h1^leaf1 =>
h1!down v1!down^h1^leaf1 v2!down^h1^leaf1 => opened h1
h1!down x3               =>
