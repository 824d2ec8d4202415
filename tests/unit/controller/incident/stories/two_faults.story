# Faults that are there at the same time.

story: two faults at once are two incidents
a>b c>d                  =>
a>b c>d                  => opened a>b, opened c>d
a>b x2                   =>
a>b                      => resolved c>d
a>b                      =>

story: two links of one device are two incidents
a>b a>c                  =>
a>b a>c                  => opened a>b, opened a>c
a>b a>c                  =>

story: both directions of parallel cables are not one fault
a>b#2                    =>
a>b#2                    => opened a>b#2
a>b#2 b>a                =>
a>b#2 b>a                => opened b>a

story: a device and, apart from it, one of its links: the localizer says two
a                        =>
a                        => opened a
a a>b                    =>
a a>b                    => opened a>b
a a>b                    =>
