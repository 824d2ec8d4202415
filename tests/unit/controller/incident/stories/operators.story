# What operators say.
quiet: 6

story: an acknowledgement is told once; what grows is told still, and the end
a>b                      =>
a>b                      => opened a>b
! ack a>b                => acknowledged a>b
! ack a>b                =>
a>b x3                   =>
a>b@0.2                  => updated a>b
- x2                     =>
-                        => resolved a>b

story: one that comes back is nobody's any more
a>b                      =>
a>b                      => opened a>b
! ack a>b                => acknowledged a>b
- x2                     =>
-                        => resolved a>b
a>b                      =>
a>b                      => reopened a>b
! state a>b open

story: what an operator called resolved is quiet for a while, and then a new incident if it is still seen
a>b                      =>
a>b                      => opened a>b
! resolve a>b            => resolved a>b
a>b x6                   =>
a>b                      =>
a>b                      => opened a>b

story: it heals in the quiet time
a>b                      =>
a>b                      => opened a>b
! resolve a>b            => resolved a>b
a>b x3                   =>
- x8                     =>

story: what gets worse does not wait
a>b                      =>
a>b                      => opened a>b
! resolve a>b            => resolved a>b
a>b                      =>
a>b@1!down               =>
a>b@1!down               => opened a>b

story: another fault does not wait either
a>b                      =>
a>b                      => opened a>b
! resolve a>b            => resolved a>b
a>b c>d                  =>
a>b c>d                  => opened c>d

story: notes change nothing
a>b                      =>
! note a>b
a>b                      => opened a>b
! note a>b
! state a>b open
