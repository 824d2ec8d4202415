# A silence holds the telling only: incidents open, and what is owed is told when it ends.

story: a silenced fault is open and told when the silence has ended
! silence component=a for 4
a>b x4                   =>
! state a>b open
! held a>b by s
a>b                      => opened a>b
- x2                     =>
-                        => resolved a>b

story: a silenced fault that heals in time is nobody's matter
! silence component=a for 20
a>b x4                   =>
! state a>b open
- x4                     =>
! state a>b resolved

story: one incident is silenced whatever its component becomes, and told of the newest name after
a>b                      =>
a>b                      => opened a>b
! silence incident=a>b for 5
a x5                     =>
a                        => updated a

story: the end is told though the silence lasts
a>b                      =>
a>b                      => opened a>b
! silence incident=a>b for 50
- x2                     =>
-                        => resolved a>b

story: a silence of one component hides no other
! silence component=a>b for 50
a>b c>d                  =>
a>b c>d                  => opened c>d
c>d x4                   =>

story: a fault that grows under a silence is told once, at its end
a>b@0.01                 =>
a>b@0.01                 => opened a>b
! silence component=a for 3
a>b@0.2 x3               =>
a>b@0.2                  => updated a>b
a>b@0.2                  =>

story: a silenced one may be acknowledged, and nobody needs to hear of it
! silence component=a for 4
a>b x3                   =>
! ack a>b                =>
! state a>b acknowledged
a>b                      =>
a>b                      => opened a>b
