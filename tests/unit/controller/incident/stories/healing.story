# When an incident is over.

story: a healed window in between resolves nothing
a>b                      =>
a>b                      => opened a>b
- x2                     =>
a>b                      =>
- x2                     =>

story: a blind controller never resolves
a>b                      =>
a>b                      => opened a>b
? x5                     =>
-                        =>
?                        =>
-                        =>
?                        =>
-                        => resolved a>b

story: a device that healed resolves though one of its links is still bad
a a>b                    =>
a a>b                    => opened a, opened a>b
a>b x2                   =>
a>b                      => resolved a

story: another fault elsewhere in the same moment as a heal
a>b                      =>
a>b                      => opened a>b
c>d                      =>
c>d                      => opened c>d
c>d                      => resolved a>b

story: a fault that moves is a second incident, and the first one ends
a>b                      =>
a>b                      => opened a>b
c>d                      =>
c>d                      => opened c>d
c>d                      => resolved a>b
c>d x3                   =>
- x2                     =>
-                        => resolved c>d
