# A fault that comes and goes.

story: flap: the same incident again, and harder to close
a>b                      =>
a>b                      => opened a>b
- x2                     =>
-                        => resolved a>b
a>b                      =>
a>b                      => reopened a>b
- x5                     =>
-                        => resolved a>b

story: one window of it after the end opens nothing
a>b                      =>
a>b                      => opened a>b
- x2                     =>
-                        => resolved a>b
a>b                      =>
- x2                     =>
a>b                      =>
