# The localizer changes its mind: the incident is updated, its id stays.

story: a link that turns out to be its cable
a>b                      =>
a>b                      => opened a>b
a=b                      =>
a=b                      => updated a=b
a=b                      =>
- x2                     =>
-                        => resolved a=b

story: a link that turns out to be its device
a>b                      =>
a>b                      => opened a>b
a                        =>
a                        => updated a
a                        =>

story: one window under another name renames nothing
a>b                      =>
a>b                      => opened a>b
a                        =>
a>b x3                   =>

story: links that turn out to be their device become one incident
a>b a>c                  =>
a>b a>c                  => opened a>b, opened a>c
a                        =>
a                        => updated a, resolved a>c
a                        =>
- x2                     =>
-                        => resolved a
-                        =>

story: a device that looks like its links for a while stays one incident
a                        =>
a                        => opened a
a>b a>c                  =>
a                        =>
a>b a>c                  => updated a>b
a>b a>c x2               =>
a                        =>
a                        => updated a

story: members of an ambiguity group that take turns are one name
a>b~b>c                  =>
a>b~b>c                  => opened a>b
b>c~a>b x3               =>
a>b~b>c                  =>

story: an ambiguity that is split names the right one
a>b~b>c                  =>
a>b~b>c                  => opened a>b
b>c                      =>
b>c                      => updated b>c
b>c                      =>

story: a suspect beside another that cannot be told from it is no second fault
a>b~b>c b>c              =>
a>b~b>c b>c              => opened a>b
a>b b>c~a>b              =>
a>b b>c                  =>

story: nor is it in the other order
b>c a>b~b>c              =>
b>c a>b~b>c              => opened b>c
b>c a>b~b>c              =>

story: loss that quadruples is told, noise is not
a>b@0.01                 =>
a>b@0.01                 => opened a>b
a>b@0.013                =>
a>b@0.04                 => updated a>b
a>b@0.05                 =>
a>b@0.01                 => updated a>b

story: another class is told when it lasts
a>b                      =>
a>b                      => opened a>b
a>b@1!down               =>
a>b@1!down               => updated a>b
a>b@1!down               =>
