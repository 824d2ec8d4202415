# Announced work: measured as ever, told to nobody, and every resolve is told.

story: a fault that heals during maintenance was told before, so its end is told
a>b                      =>
a>b                      => opened a>b
! maintenance component=b for 20
a>b x2                   =>
! held a>b by m
a>b@0.3 x2               =>
- x2                     =>
-                        => resolved a>b

story: a fault that begins and ends in maintenance tells nobody
! maintenance component=a for 20
a>b x4                   =>
! state a>b pending
! held a>b by m
- x5                     =>
! state a>b none

story: a fault that outlasts its maintenance opens once it was confirmed after its end
! maintenance component=a for 3
a>b x3                   =>
a>b                      =>
a>b                      => opened a>b

story: maintenance that ends early holds nothing any more
! maintenance component=a for 100
a>b x3                   =>
! end
# A window of which a part lies in it confirms nothing.
a>b x2                   =>
a>b                      => opened a>b

story: maintenance that has not begun holds nothing yet
! maintenance component=a for 20 after 4
a>b                      =>
a>b                      => opened a>b

story: one that was over and comes back in maintenance is not told again before its end
a>b                      =>
a>b                      => opened a>b
- x2                     =>
-                        => resolved a>b
! maintenance component=a for 4
a>b x4                   =>
a>b                      =>
a>b                      => reopened a>b

story: a drained node is no fault, nor is its cable
! maintenance node=h1 for 20
h1!down+node=h1 x3       =>
h1=leaf1!down+node=h1 x3 =>
- x3                     =>

story: work on a rack covers its hosts, its switch and the links of that
! maintenance rack=r1 for 20
h1!down+rack=r1 leaf1>spine1+rack=r1 x4 =>
leaf1!down+rack=r1 x4    =>
leaf2+rack=r2            =>
leaf2+rack=r2            => opened leaf2

story: all names of a selector must match
! maintenance rack=r1 class=mtu for 20
h1!down+rack=r1          =>
h1!down+rack=r1          => opened h1
h1!down+rack=r1 h2!mtu+rack=r1 x4 =>

story: what cannot be told from a component under maintenance is held with it
! maintenance component=b>c for 20
a>b~b>c x4               =>
a>b                      =>
a>b                      => opened a>b

story: work on a link does not cover the device that it ends at
! maintenance component=a>b for 20
a                        =>
a                        => opened a

story: what hangs on a component under maintenance is held, too
! maintenance component=leaf1 for 20
h1!down^leaf1 x4         =>
! held h1 by m
