signature first
    title   fixture 1
    origin  tool
    match   ip.id == 1
    chance  2^-16

signature second
    title   fixture 2
    origin  worm
    match   udp
    chance  0.5
