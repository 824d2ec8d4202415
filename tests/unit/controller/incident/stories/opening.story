# What opens an incident, and what does not.

story: a healthy network stays silent
- x2                     =>
?                        =>
-                        =>

story: one unlucky window tells nobody
a>b                      =>
- x3                     =>
a>b                      =>

story: a fault opens once and resolves once
a>b                      =>
a>b                      => opened a>b
a>b x2                   =>
- x2                     =>
-                        => resolved a>b
-                        =>

story: two of three windows are enough
a>b                      =>
-                        =>
a>b                      => opened a>b

story: a queue that drains is load, one that stays is told
a>b!congestion x3        =>
- x4                     =>
a>b!congestion x2        =>
-                        =>
a>b!congestion           =>
a>b!congestion           => opened a>b

story: two bursts on links that cannot be told apart are no fault
a>b!congestion~b>c       =>
b>c!congestion~a>b       =>
- x3                     =>

story: an unsure suspect never opens
a>b:0.8 x3               =>

story: but keeps open what was sure
a>b                      =>
a>b                      => opened a>b
a>b:0.6 x3               =>
a>b:0.4 x2               =>
a>b:0.4                  => resolved a>b

story: slow burn: it grows sure over many windows
a>b:0.55                 =>
a>b:0.7                  =>
a>b:0.85                 =>
a>b:0.93                 =>
a>b:0.97                 => opened a>b

story: what is seen counts even where the rest is dark
? a>b                    =>
? a>b                    => opened a>b

story: a healthy day stays silent
- x8640                  =>

story: a healthy network with one unlucky window in ten stays silent
- x9                     =>
a>b                      =>
- x9                     =>
c>d                      =>
- x9                     =>
a>b                      =>
